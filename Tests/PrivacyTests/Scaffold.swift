import Testing
import Privacy
