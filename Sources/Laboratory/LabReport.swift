// What an experiment of the laboratory leaves: tables, charts, and sentences on what was expected.

package import Scenarios

/// One table; the first column names the row.
package struct LabTable: Sendable, Hashable {
  /// A file name without its ending.
  package let name: String
  package let title: String
  package let columns: [String]
  /// Too long for a terminal: files and JSON have it.
  package let isDetail: Bool
  package private(set) var rows: [[JSONValue]] = []

  package init(
    _ name: String, _ title: String, _ columns: [String], isDetail: Bool = false
  ) {
    self.isDetail = isDetail
    self.name = name
    self.title = title
    self.columns = columns
  }

  /// - Precondition: a value a column.
  package mutating func add(_ row: [JSONValue]) {
    precondition(row.count == columns.count, "a row has one value a column")
    rows.append(row)
  }
}

/// Lines over one axis.
package struct LabChart: Sendable, Hashable {
  package struct Line: Sendable, Hashable {
    package let name: String
    package let points: [Point]

    package init(_ name: String, _ points: [Point]) {
      self.name = name
      self.points = points
    }
  }

  package struct Point: Sendable, Hashable {
    package let x: Double
    package let y: Double

    package init(_ x: Double, _ y: Double) {
      self.x = x
      self.y = y
    }
  }

  package let title: String
  package let xName: String
  package let yName: String
  package let lines: [Line]

  package init(_ title: String, x: String, y: String, _ lines: [Line]) {
    self.title = title
    xName = x
    yName = y
    self.lines = lines
  }
}

/// Whether what was measured is what theory says.
package struct LabFinding: Sendable, Hashable {
  /// The experiment of lora.md E.2, such as "E1".
  package let experiment: String
  package let expectation: String
  package let measured: String
  package let holds: Bool

  package init(_ experiment: String, _ expectation: String, measured: String, holds: Bool) {
    self.experiment = experiment
    self.expectation = expectation
    self.measured = measured
    self.holds = holds
  }
}

package struct LabReport: Sendable, Hashable {
  /// A file name, such as "lora-noise".
  package let name: String
  package let title: String
  package var tables: [LabTable] = []
  package var charts: [LabChart] = []
  package var findings: [LabFinding] = []
  /// What readers are to keep in mind; below everything.
  package var caution =
    "Low-rank adaptation perturbs the gradient by a signal-dependent random projection; this is not "
    + "differential privacy. An epsilon stands only where independent noise was added and accounted for."

  package init(_ name: String, _ title: String) {
    self.name = name
    self.title = title
  }
}

extension JSONValue {
  static func figure(_ value: Double) -> JSONValue {
    value.isFinite ? .number(value) : .string(value > 0 ? "infinite" : "undefined")
  }
}

func short(_ value: Double) -> String {
  guard value.isFinite, value != 0 else { return value == 0 ? "0" : "infinite" }
  let places = max(0, 2 - Int(Double(value.magnitude.exponent) * 0.30103))
  guard places < 9 else { return "\(value)" }
  var scale = 1.0
  for _ in 0..<places { scale *= 10 }
  return "\((value * scale).rounded() / scale)"
}
