// Reads the members of an object that has already been checked and resolved.

/// The members of a resolved object. Since the shape was checked first, a failure here is a fault
/// of this program; it is still thrown rather than trapped, since the input came from a person.
public struct Fields {
  let members: [String: JSONValue]
  let path: JSONPath

  init(_ value: JSONValue, at path: JSONPath) throws(ScenarioError) {
    guard case .object(let members) = value else { throw Self.fault(path) }
    self.members = members
    self.path = path
  }

  private static func fault(_ path: JSONPath) -> ScenarioError {
    ScenarioError(path, "was not resolved; this is a fault of dpflsim, please report it")
  }

  public func value(_ key: String) throws(ScenarioError) -> JSONValue {
    guard let value = members[key] else { throw Self.fault(path + key) }
    return value
  }

  public func optional(_ key: String) -> JSONValue? {
    members[key].flatMap { $0 == .null ? nil : $0 }
  }

  public func integer(_ key: String) throws(ScenarioError) -> Int {
    guard case .integer(let value) = try value(key) else { throw Self.fault(path + key) }
    return value
  }

  public func optionalInteger(_ key: String) throws(ScenarioError) -> Int? {
    optional(key) == nil ? nil : try integer(key)
  }

  public func number(_ key: String) throws(ScenarioError) -> Double {
    guard case .number(let value) = try value(key) else { throw Self.fault(path + key) }
    return value
  }

  public func optionalNumber(_ key: String) throws(ScenarioError) -> Double? {
    optional(key) == nil ? nil : try number(key)
  }

  public func boolean(_ key: String) throws(ScenarioError) -> Bool {
    guard case .bool(let value) = try value(key) else { throw Self.fault(path + key) }
    return value
  }

  public func optionalBoolean(_ key: String) throws(ScenarioError) -> Bool? {
    optional(key) == nil ? nil : try boolean(key)
  }

  public func string(_ key: String) throws(ScenarioError) -> String {
    guard case .string(let value) = try value(key) else { throw Self.fault(path + key) }
    return value
  }

  public func optionalString(_ key: String) throws(ScenarioError) -> String? {
    optional(key) == nil ? nil : try string(key)
  }

  /// A string that names a case of an enumeration.
  public func choice<Choice: RawRepresentable<String>>(
    _ key: String, _ type: Choice.Type = Choice.self
  ) throws(ScenarioError) -> Choice {
    guard let choice = Choice(rawValue: try string(key)) else { throw Self.fault(path + key) }
    return choice
  }

  public func fields(_ key: String) throws(ScenarioError) -> Fields {
    try Fields(value(key), at: path + key)
  }

  public func optionalFields(_ key: String) throws(ScenarioError) -> Fields? {
    optional(key) == nil ? nil : try fields(key)
  }

  public func list(_ key: String) throws(ScenarioError) -> [JSONValue] {
    guard case .array(let entries) = try value(key) else { throw Self.fault(path + key) }
    return entries
  }

  public func fieldsList(_ key: String) throws(ScenarioError) -> [Fields] {
    var output: [Fields] = []
    for (index, entry) in try list(key).enumerated() {
      output.append(try Fields(entry, at: path + key + index))
    }
    return output
  }

  public func integers(_ key: String) throws(ScenarioError) -> [Int] {
    var output: [Int] = []
    for entry in try list(key) {
      guard case .integer(let value) = entry else { throw Self.fault(path + key) }
      output.append(value)
    }
    return output
  }

  public func numbers(_ key: String) throws(ScenarioError) -> [Double] {
    var output: [Double] = []
    for entry in try list(key) {
      guard case .number(let value) = entry else { throw Self.fault(path + key) }
      output.append(value)
    }
    return output
  }

  public func strings(_ key: String) throws(ScenarioError) -> [String] {
    var output: [String] = []
    for entry in try list(key) {
      guard case .string(let value) = entry else { throw Self.fault(path + key) }
      output.append(value)
    }
    return output
  }
}
