// Shorthands for building JSON from values that may be missing.

import Foundation
import Scenarios

extension JSONValue {
  init(_ value: String?) { self = value.map { .string($0) } ?? .null }
  init(_ value: Int?) { self = value.map { .integer($0) } ?? .null }
  /// What JSON cannot say (infinity, not a number) is null as well.
  init(_ value: Double?) { self = value.map { .number($0) } ?? .null }
}

extension Date {
  /// ISO 8601 in UTC with milliseconds.
  var stamp: String {
    formatted(
      .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(
        separator: .omitted))
  }
}
