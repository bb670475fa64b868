// A first scenario from a few answers, with a comment on every key.

import Formatting
import Foundation
public import Scenarios

/// What `dpflsim init` writes.
public struct NewScenario: Sendable {
  public var name: String
  /// A data set of the list, or `synthetic`.
  public var data = "synthetic"
  public var clients = 12
  public var clusters = 3
  public var examples = 300
  public var rounds = 10
  /// Nil trains without privacy.
  public var epsilon: Double? = 4
  public var method = "r-dpcfl"

  public init(name: String) { self.name = name }

  /// A file's name without its ending, as scenarios can be called: other characters become hyphens.
  public static func name(of file: String) -> String {
    let stem = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
    let characters = stem.map { (character: Character) -> Character in
      let isPlain = character.isASCII && (character.isLetter || character.isNumber)
      return isPlain || "._-".contains(character) ? character : "-"
    }
    let name = String(characters.drop { !$0.isLetter && !$0.isNumber }.prefix(64))
    return name.isEmpty ? "scenario" : name
  }

  /// The scenario as JSON: clusters see images turned by equal angles, or labels moved by one; the first is a
  /// minority of about half as many clients.
  public var document: JSONValue {
    let isSynthetic = data == "synthetic"
    let sizes = clusterSizes
    let clusterList = sizes.enumerated().map { index, size -> JSONValue in
      var members: [String: JSONValue] = [
        "name": .string(index == 0 && sizes.count > 1 ? "minority" : "group-\(index)"),
        "clients": .integer(size), "examples_per_client": .integer(examples),
      ]
      if index == 0, sizes.count > 1 { members["minority"] = true }
      if index > 0 {
        members["shift"] =
          isSynthetic
          ? ["label_offset": .integer(index % 4)]
          : ["rotation": .integer(index % 4 * 90)]
      }
      return .object(members)
    }
    return [
      "name": .string(name), "description": .string(comment), "rounds": .integer(rounds),
      "data": ["name": .string(data)],
      "population": [
        "test_examples_per_client": .integer(isSynthetic ? 100 : 200),
        "clusters": .array(clusterList),
      ],
      "model": ["name": .string(isSynthetic ? "logistic" : "cnn")],
      "local": [
        "epochs": 1, "batch_size": .integer(max(1, min(30, examples))),
        "learning_rate": 0.5,
      ],
      "privacy": [
        "target_epsilon": JSONValue(epsilon), "target_delta": .number(delta), "max_grad_norm": 1,
      ],
      "method": ["name": .string(method)],
    ]
  }

  /// A tenth of one over the examples of a client, as one digit.
  private var delta: Double {
    let power = (log10(Double(max(examples, 1))) + 1).rounded(.up)
    return Double("1e-\(Int(power))") ?? 1e-4
  }

  /// Clients of each cluster; the first has about half as many as the others.
  private var clusterSizes: [Int] {
    let count = max(1, min(clusters, clients))
    guard count > 1 else { return [clients] }
    let first = max(1, clients / (2 * count - 1))
    let rest = clients - first
    return [first] + (0..<count - 1).map { rest / (count - 1) + ($0 < rest % (count - 1) ? 1 : 0) }
  }

  private var comment: String {
    "\(NumberText.count(clients, "client")) in \(NumberText.count(clusterSizes.count, "cluster")) of \(data); "
      + (clusterSizes.count > 1 ? "the first is a minority. " : "")
      + "Written by dpflsim init; docs/scenario.md explains every key."
  }

  /// What each part is for.
  public static let comments: [(key: String, text: String)] = [
    ("rounds", "how often clients train and the server puts their updates together"),
    ("data", "which data set, or a table of yours: `dpflsim data inspect FILE.csv` proposes that"),
    (
      "population",
      "who the clients are: clusters see the data differently, minority marks the small one"
    ),
    ("model", "logistic, mlp, cnn and more; a pretrained base and adapters are keys of their own"),
    ("local", "one visit to a client: epochs, batch size, step size"),
    (
      "privacy",
      "the budget of every client for the whole run; null as target_epsilon trains without"
    ),
    ("method", MethodCatalog.all.map { $0.name }.joined(separator: ", ")),
  ]
}
