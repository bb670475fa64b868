import Testing
import Scenarios
