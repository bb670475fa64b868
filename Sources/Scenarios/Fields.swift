// Reads the members of an object that has already been checked and resolved.

/// The members of a resolved object. Since the shape was checked first, a failure here is a fault
/// of this program; it is still thrown rather than trapped, since the input came from a person.
struct Fields {
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

  func value(_ key: String) throws(ScenarioError) -> JSONValue {
    guard let value = members[key] else { throw Self.fault(path + key) }
    return value
  }

  func optional(_ key: String) -> JSONValue? {
    members[key].flatMap { $0 == .null ? nil : $0 }
  }

  func integer(_ key: String) throws(ScenarioError) -> Int {
    guard case .integer(let value) = try value(key) else { throw Self.fault(path + key) }
    return value
  }

  func optionalInteger(_ key: String) throws(ScenarioError) -> Int? {
    optional(key) == nil ? nil : try integer(key)
  }

  func number(_ key: String) throws(ScenarioError) -> Double {
    guard case .number(let value) = try value(key) else { throw Self.fault(path + key) }
    return value
  }

  func optionalNumber(_ key: String) throws(ScenarioError) -> Double? {
    optional(key) == nil ? nil : try number(key)
  }

  func boolean(_ key: String) throws(ScenarioError) -> Bool {
    guard case .bool(let value) = try value(key) else { throw Self.fault(path + key) }
    return value
  }

  func optionalBoolean(_ key: String) throws(ScenarioError) -> Bool? {
    optional(key) == nil ? nil : try boolean(key)
  }

  func string(_ key: String) throws(ScenarioError) -> String {
    guard case .string(let value) = try value(key) else { throw Self.fault(path + key) }
    return value
  }

  func optionalString(_ key: String) throws(ScenarioError) -> String? {
    optional(key) == nil ? nil : try string(key)
  }

  /// A string that names a case of an enumeration.
  func choice<Choice: RawRepresentable<String>>(
    _ key: String, _ type: Choice.Type = Choice.self
  ) throws(ScenarioError) -> Choice {
    guard let choice = Choice(rawValue: try string(key)) else { throw Self.fault(path + key) }
    return choice
  }

  func fields(_ key: String) throws(ScenarioError) -> Fields {
    try Fields(value(key), at: path + key)
  }

  func optionalFields(_ key: String) throws(ScenarioError) -> Fields? {
    optional(key) == nil ? nil : try fields(key)
  }

  func list(_ key: String) throws(ScenarioError) -> [JSONValue] {
    guard case .array(let entries) = try value(key) else { throw Self.fault(path + key) }
    return entries
  }

  func fieldsList(_ key: String) throws(ScenarioError) -> [Fields] {
    var output: [Fields] = []
    for (index, entry) in try list(key).enumerated() {
      output.append(try Fields(entry, at: path + key + index))
    }
    return output
  }

  func integers(_ key: String) throws(ScenarioError) -> [Int] {
    var output: [Int] = []
    for entry in try list(key) {
      guard case .integer(let value) = entry else { throw Self.fault(path + key) }
      output.append(value)
    }
    return output
  }

  func numbers(_ key: String) throws(ScenarioError) -> [Double] {
    var output: [Double] = []
    for entry in try list(key) {
      guard case .number(let value) = entry else { throw Self.fault(path + key) }
      output.append(value)
    }
    return output
  }

  func strings(_ key: String) throws(ScenarioError) -> [String] {
    var output: [String] = []
    for entry in try list(key) {
      guard case .string(let value) = entry else { throw Self.fault(path + key) }
      output.append(value)
    }
    return output
  }
}
