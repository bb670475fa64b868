// What an experiment of the laboratory leaves: tables, charts, and sentences on what was expected.

public import Scenarios

/// One table; the first column names the row.
public struct LabTable: Sendable, Hashable {
  /// A file name without its ending.
  public let name: String
  public let title: String
  public let columns: [String]
  public private(set) var rows: [[JSONValue]] = []

  public init(_ name: String, _ title: String, _ columns: [String]) {
    self.name = name
    self.title = title
    self.columns = columns
  }

  /// - Precondition: a value a column.
  public mutating func add(_ row: [JSONValue]) {
    precondition(row.count == columns.count, "a row has one value a column")
    rows.append(row)
  }
}

/// Lines over one axis.
public struct LabChart: Sendable, Hashable {
  public struct Line: Sendable, Hashable {
    public let name: String
    public let points: [Point]

    public init(_ name: String, _ points: [Point]) {
      self.name = name
      self.points = points
    }
  }

  public struct Point: Sendable, Hashable {
    public let x: Double
    public let y: Double

    public init(_ x: Double, _ y: Double) {
      self.x = x
      self.y = y
    }
  }

  public let title: String
  public let xName: String
  public let yName: String
  public let lines: [Line]

  public init(_ title: String, x: String, y: String, _ lines: [Line]) {
    self.title = title
    xName = x
    yName = y
    self.lines = lines
  }
}

/// Whether what was measured is what theory says.
public struct LabFinding: Sendable, Hashable {
  /// The experiment of lora.md E.2, such as "E1".
  public let experiment: String
  public let expectation: String
  public let measured: String
  public let holds: Bool

  public init(_ experiment: String, _ expectation: String, measured: String, holds: Bool) {
    self.experiment = experiment
    self.expectation = expectation
    self.measured = measured
    self.holds = holds
  }
}

public struct LabReport: Sendable, Hashable {
  /// A file name, such as "lora-noise".
  public let name: String
  public let title: String
  public var tables: [LabTable] = []
  public var charts: [LabChart] = []
  public var findings: [LabFinding] = []

  public init(_ name: String, _ title: String) {
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
