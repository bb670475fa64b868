// Shorthands for building JSON from values that may be missing.

import Foundation
import JSON

extension JSONValue {
  package init(_ value: String?) { self = value.map { .string($0) } ?? .null }
  package init(_ value: Int?) { self = value.map { .integer($0) } ?? .null }
  /// What JSON cannot say (infinity, not a number) is null as well.
  package init(_ value: Double?) { self = value.map { .number($0) } ?? .null }
}

extension Date {
  /// ISO 8601 in UTC with milliseconds.
  package var stamp: String {
    formatted(
      .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(
        separator: .omitted))
  }
}
