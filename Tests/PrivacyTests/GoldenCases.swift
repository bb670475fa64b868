// The reference values of Golden/accounting.json, made with independent libraries (its field `meta` names
// them) and by 40-digit arithmetic, as typed cases for the tests of this room.

import Foundation
import Privacy
import TestSupport
import Testing

/// A JSON value with the accessors that the cases need.
enum GoldenValue: Decodable, Sendable {
  case number(Double)
  case text(String)
  case list([GoldenValue])
  case object([String: GoldenValue])
  case flag(Bool)
  case null

  init(from decoder: any Decoder) throws {
    let box = try decoder.singleValueContainer()
    if box.decodeNil() {
      self = .null
    } else if let flag = try? box.decode(Bool.self) {
      self = .flag(flag)
    } else if let number = try? box.decode(Double.self) {
      self = .number(number)
    } else if let text = try? box.decode(String.self) {
      self = .text(text)
    } else if let list = try? box.decode([GoldenValue].self) {
      self = .list(list)
    } else {
      self = .object(try box.decode([String: GoldenValue].self))
    }
  }

  /// Infinity is written as the string "inf".
  var number: Double? {
    switch self {
    case .number(let number): number
    case .text("inf"): .infinity
    default: nil
    }
  }

  var numbers: [Double]? {
    guard case .list(let list) = self else { return nil }
    return list.compactMap(\.number)
  }

  subscript(key: String) -> GoldenValue? {
    guard case .object(let fields) = self else { return nil }
    return fields[key]
  }
}

struct GoldenCase: Decodable, Sendable, CustomTestStringConvertible {
  var id: String
  var group: String
  var inputs: [String: GoldenValue]
  var outputs: [String: GoldenValue]

  var testDescription: String { id }

  func input(_ name: String) -> Double { inputs[name]?.number ?? .nan }
  func count(_ name: String) -> Int { Int(inputs[name]?.number ?? -1) }
  func value(_ name: String) -> Double? { outputs[name]?["value"]?.number }
  func tolerance(_ name: String) -> Double { outputs[name]?["rtol"]?.number ?? 0 }
  func discretization(_ name: String) -> Double? { outputs[name]?["discretization"]?.number }

  /// Whether `value` is the recorded output within the recorded tolerance, widened to `floor`.
  func agrees(_ value: Double, with name: String, floor: Double = 0) -> Bool {
    guard let reference = self.value(name) else { return false }
    return isClose(value, reference, relative: max(tolerance(name), floor))
  }
}

enum Golden {
  private struct File: Decodable {
    struct Meta: Decodable {
      var orderGrids: [String: [Double]]

      private enum CodingKeys: String, CodingKey {
        case orderGrids = "order_grids"
      }
    }
    var meta: Meta
    var cases: [GoldenCase]
  }

  private static let file: File = {
    do {
      let data = try Data(contentsOf: goldenFile("accounting.json"))
      return try JSONDecoder().decode(File.self, from: data)
    } catch {
      preconditionFailure("Golden/accounting.json must be readable: \(error)")
    }
  }()

  static func cases(_ group: String) -> [GoldenCase] { file.cases.filter { $0.group == group } }

  static func accountant(_ conversion: RDPConversion, grid: String) -> RDPAccountant {
    RDPAccountant(orders: file.meta.orderGrids[grid] ?? [], conversion: conversion)
  }

  /// Every output named eps_rdp_<conversion>[<grid>], with the accountant that it is about.
  static func renyiOutputs(of golden: GoldenCase) -> [(name: String, accountant: RDPAccountant)] {
    var found: [(name: String, accountant: RDPAccountant)] = []
    for conversion in RDPConversion.allCases {
      for grid in file.meta.orderGrids.keys {
        let name = "eps_rdp_\(conversion.rawValue)[\(grid)]"
        if golden.outputs[name] != nil { found.append((name, accountant(conversion, grid: grid))) }
      }
    }
    return found
  }
}

extension GoldenCase {
  /// The composition that the case describes: (q, σ, T), a list of steps, a norm schedule, selections.
  func event(selections: (Double) -> PrivacyEvent = { .exponentialMechanism(epsilon: $0) })
    -> PrivacyEvent
  {
    var events: [PrivacyEvent] = []
    if let sigma = inputs["sigma"]?.number, inputs["steps"]?.number != nil {
      events.append(
        .trainingSteps(sampleRate: input("q"), noiseMultiplier: sigma, count: count("steps")))
    }
    for (key, sigmaKey) in [("steps", "sigma"), ("schedule", "norm_over_C")] {
      guard case .list(let steps)? = inputs[key] else { continue }
      for step in steps {
        let number = step[sigmaKey]?.number ?? input("sigma")
        events.append(
          .trainingSteps(
            sampleRate: step["q"]?.number ?? input("q"),
            noiseMultiplier: key == "steps" ? number : input("sigma") / number,
            count: Int(step["count"]?.number ?? 0)))
      }
    }
    if let epsilon = inputs["eps_select"]?.number {
      let times = inputs["selections"]?.number ?? inputs["count"]?.number ?? 0
      events.append(.selfComposed(event: selections(epsilon), count: Int(times)))
    }
    return .composed(events)
  }
}
