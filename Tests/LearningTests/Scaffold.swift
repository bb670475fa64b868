import Testing
import Learning
