// What people and programs see of a run: snapshots of the table and of the JSON document.

import Analysis
import Datasets
import Federation
import Formatting
import Foundation
import GRDB
import Presentation
import Scenarios
import Store
import Testing

@Suite("The printed run")
struct RenderingTests {
  /// The stored run with a name that does not change from test to test.
  static func text(_ result: RunResult, colors: Bool = false) async throws -> String {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let stored = try await Sample.store(result, in: store)
      return stored.lines(colors: colors).joined(separator: "\n") + "\n"
    }
  }

  @Test("the table of a run that found its clusters")
  func table() async throws {
    try expectSnapshot(try await Self.text(Sample.result()), "run.txt")
  }

  @Test("the table of a run that missed a client")
  func missed() async throws {
    let text = try await Self.text(Sample.result(lastModel: 0))
    #expect(text.contains("1 of 5 clients is not with their true cluster (ARI 0.17): 4."))
    #expect(text.contains("A minority cluster shares its model with other clients."))
    #expect(text.contains("Noise alone may put clusters as far apart as these."))
  }

  @Test("with one true cluster there is no gap between clusters")
  func oneCluster() async throws {
    let sample = try Sample.result()
    let clients = sample.clients.map { client in
      ClientResult(
        client: client.client, cluster: 0, model: 0, trainExamples: client.trainExamples,
        testExamples: client.testExamples, accuracy: client.accuracy, loss: client.loss,
        epsilon: nil, delta: client.delta, targetEpsilon: nil, noiseMultiplier: nil,
        firstRoundNoiseMultiplier: nil, accountant: nil, confusion: client.confusion)
    }
    let text = try await Self.text(
      RunResult(
        scenario: sample.scenario, scenarioHash: sample.scenarioHash, method: "global",
        variant: nil, seed: 7, rounds: 2, clients: clients,
        clusters: [
          ClusterResult(
            name: "all", clients: 5, samples: 800, accuracy: 0.68, loss: 1.25, minority: false)
        ], clustering: nil, agreement: nil, unit: sample.unit, relation: sample.relation,
        sampling: sample.sampling, bytesUp: 0, bytesDown: 0, resultDigest: "", notes: []))
    #expect(text.contains("  Gap between clusters –.\n"))
  }

  @Test("the table of a run without privacy guarantees nothing")
  func noPrivacy() async throws {
    try expectSnapshot(try await Self.text(Sample.result(epsilon: nil)), "run-not-private.txt")
  }

  @Test("colours change nothing but colours, and text from outside brings none")
  func colors() async throws {
    let plain = try await Self.text(Sample.result())
    let colored = try await Self.text(Sample.result(), colors: true)
    #expect(!plain.contains("\u{1B}"))
    #expect(plain.contains(#"A note with \u{1b}[31mcolour\u{1b}[0m."#))
    #expect(colored.contains("\u{1B}[33mfew\u{1B}[0m"))
    #expect(colored.replacing(/\u{1B}\[[0-9]+m/, with: "") == plain)
  }

  @Test("clients whose test examples are all given one class are said with that class")
  func oneAnswer() async throws {
    var result = try Sample.result()
    result.clients = result.clients.map { client in
      ClientResult(
        client: client.client, cluster: client.cluster, model: client.model,
        trainExamples: client.trainExamples, testExamples: 50, accuracy: client.accuracy,
        loss: client.loss, epsilon: client.epsilon, delta: client.delta,
        targetEpsilon: client.targetEpsilon, noiseMultiplier: client.noiseMultiplier,
        firstRoundNoiseMultiplier: nil, accountant: client.accountant,
        // Client 2 is tested on one class alone, which a note of the run says.
        confusion: ConfusionCounts(
          matrix: client.client < 2 ? [[30, 0], [20, 0]] : [[50, 0], [0, 0]]))
    }
    let text = try await Self.text(result)
    #expect(text.contains("Note: Every test example of 2 clients (0, 1) is given the class 0:"))
    #expect(!(try await Self.text(Sample.result())).contains("is given the class"))
  }

  @Test("the JSON document of a run")
  func document() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let stored = try await Sample.store(Sample.result(), in: store)
      // The hash of the scenario changes with every setting that scenarios learn.
      let text = stored.document.prettyText.replacing(stored.run.runID, with: "RUN")
        .replacing(stored.run.scenarioHash, with: "HASH")
        .replacing(folder.lastPathComponent, with: "FOLDER")
        .replacing(stored.run.build ?? "none", with: "BUILD")
      try expectSnapshot(text + "\n", "run.json")
    }
  }

  @Test("written in parts the document is the same text", arguments: [1, 5, 999, 1000, 1001, 2500])
  func parts(clients: Int) async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      var result = try Sample.result()
      let original = result.clients[0]
      result.clients = (0..<clients).map { client in
        ClientResult(
          client: client, cluster: 0, model: 0, trainExamples: 1, testExamples: 1, accuracy: 0.5,
          loss: 1 / Double(client + 1), epsilon: nil, delta: original.delta, targetEpsilon: nil,
          noiseMultiplier: nil, firstRoundNoiseMultiplier: nil, accountant: nil,
          confusion: original.confusion)
      }
      let stored = try await Sample.store(result, in: store)
      var parts: [String] = []
      stored.writeDocument { parts.append($0) }
      #expect(parts.joined() == stored.document.prettyText)
      #expect(parts.allSatisfy { $0.utf8.count < 300_000 })
    }
  }

  @Test("a run without a result is written too")
  func partsOfNothing() throws {
    let store = try RunStore.inMemory(filesFolder: URL(fileURLWithPath: "/nowhere"))
    let stored = try store.details(of: store.run(named: Sample.recorder(in: store).runID))
    var text = ""
    stored.writeDocument { text += $0 }
    #expect(text == stored.document.prettyText)
  }

  @Test("the document has every key of the contract, finished or not")
  func contract() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let done = try await Sample.store(Sample.result(), in: store).document
      let always = [
        "run_id", "scenario", "scenario_hash", "method", "seed", "rounds", "wall_seconds",
        "total_seconds", "build", "data_hash", "peak_rss_bytes", "workers", "communication",
      ]
      let atTheEnd = [
        "result_digest", "accuracy", "clusters", "fairness", "clustering", "privacy",
      ]
      for key in always + atTheEnd { #expect(done[key] != nil, "\(key)") }
      let parts: [String: [String]] = [
        "accuracy": [
          "client_mean", "sample_mean", "worst_client", "worst_cluster", "best_cluster",
        ],
        "fairness": [
          "worst_cluster_accuracy", "accuracy_gap", "accuracy_std", "bottom10_mean", "cvar20",
          "jain", "gini",
        ],
        "clustering": [
          "chosen_clusters", "mss", "mpo", "switch_round", "ari", "misassigned_clients",
          "first_correct_round",
        ],
        "privacy": [
          "unit", "relation", "sampling", "accountant", "delta", "epsilon_max",
          "epsilon_by_client", "noise_multiplier_by_client",
        ],
        "communication": ["bytes_up", "bytes_down"],
      ]
      for (part, keys) in parts {
        for key in keys { #expect(done[part]?[key] != nil, "\(part).\(key)") }
      }
      for key in ["name", "clients", "samples", "accuracy", "loss", "minority"] {
        #expect(done["clusters"]?[0]?[key] != nil, "clusters[0].\(key)")
      }
      let going = try store.details(of: store.run(named: Sample.recorder(in: store).runID)).document
      for key in always { #expect(going[key] != nil, "\(key)") }
      for key in atTheEnd { #expect(going[key] == nil, "\(key)") }
    }
  }

  @Test("figures of the document, computed by hand")
  func figures() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let document = try await Sample.store(Sample.result(), in: store).document
      // Clients have 0.4, 0.6 (100 examples each) and 0.7, 0.8, 0.9 (200 each).
      #expect(document["accuracy"]?["client_mean"]?.double.isNear(0.68) == true)
      #expect(document["accuracy"]?["sample_mean"]?.double.isNear(0.725) == true)
      #expect(document["accuracy"]?["worst_client"] == 0.4)
      #expect(document["accuracy"]?["worst_cluster"] == 0.5)
      #expect(document["accuracy"]?["best_cluster"] == 0.8)
      #expect(document["fairness"]?["accuracy_gap"]?.double.isNear(0.3) == true)
      // Σ(x - 0.68)² = 0.0784 + 0.0064 + 0.0004 + 0.0144 + 0.0484 = 0.148.
      #expect(
        document["fairness"]?["accuracy_std"]?.double.isNear((0.148 / 5).squareRoot()) == true)
      #expect(document["fairness"]?["cvar20"] == 0.4)
      // Σx = 3.4, Σx² = 2.46.
      #expect(document["fairness"]?["jain"]?.double.isNear(3.4 * 3.4 / (5 * 2.46)) == true)
      // Σ|x - y| over ordered pairs: 2 · (0.2 + 0.3 + 0.4 + 0.5 + 0.1 + 0.2 + 0.3 + 0.1 + 0.2 + 0.1).
      #expect(document["fairness"]?["gini"]?.double.isNear(4.8 / (2 * 25 * 0.68)) == true)
      #expect(document["communication"]?["bytes_up"] == 2000)
      #expect(document["privacy"]?["epsilon_max"] == 4.9987)
      #expect(document["clustering"]?["models"] == [0, 0, 1, 1, 1])
    }
  }

  @Test("a run that ended early says how far it came and why")
  func early() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let recorder = try Sample.recorder(in: store)
      try await recorder.receive(.finishedRound(Sample.round(1)))
      try await recorder.end(as: .failed, reason: "client 3: diverged", cost: Sample.cost)
      let stored = try store.details(of: store.run(named: recorder.runID))
      let text = stored.lines(colors: false).joined(separator: "\n")
      #expect(text.contains("This run is failed after 1 of 2 rounds."))
      #expect(text.contains("client 3: diverged"))
      #expect(stored.document["status"] == "failed")
      #expect(stored.document["error"] == "client 3: diverged")
    }
  }

  @Test("where all clients are of one cluster, the list has the worst client")
  func listOfOneCluster() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let sample = try Sample.result()
      let result = RunResult(
        scenario: sample.scenario, scenarioHash: sample.scenarioHash, method: "global",
        variant: nil, seed: 7, rounds: 2, clients: sample.clients,
        clusters: [
          ClusterResult(
            name: "all", clients: 5, samples: 800, accuracy: 0.68, loss: 1.25, minority: false)
        ], clustering: nil, agreement: nil, unit: sample.unit, relation: sample.relation,
        sampling: sample.sampling, bytesUp: 0, bytesDown: 0, resultDigest: "", notes: [])
      let run = try await Sample.store(result, in: store).run
      let list = RunList([run], headlines: try store.headlines(of: [run]))
      #expect(list.lines(colors: false)[1].contains("68.0 %  40.0 %"))
    }
  }

  @Test("an ε that holds because a finding was allowed is marked in lists and ledgers")
  func allowed() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let stored = try await Sample.store(Sample.result(allowed: [Sample.finding]), in: store)
      let list = RunList([stored.run], headlines: try store.headlines(of: [stored.run]))
      let text = list.lines(colors: false).joined(separator: "\n")
      #expect(text.contains("4.999 !") && text.contains("because DP102 was allowed"))
      #expect(list.document[0]?["allowed"]?[0]?["rule"] == "DP102")
      let ledger = try LedgerReport(run: stored.run, in: store)
      #expect(
        ledger.lines(colors: false).contains {
          $0.contains("Allowed, though ε says little then: DP102, privacy.target_delta: too large")
        })
      #expect(ledger.document["allowed"]?[0]?["rule"] == "DP102")
    }
  }

  @Test("the ε of a run whose scenario is refused today is marked wherever it stands")
  func withdrawn() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      var stored = try await Sample.store(Sample.result(), in: store)
      #expect(stored.result?.allowedFindings == nil)
      try store.write {
        try $0.execute(
          sql:
            "UPDATE runs SET build = hex(zeroblob(32)), scenario_json = replace(scenario_json, '\"rounds\":2', '\"rounds\":-2')"
        )
      }
      stored = try store.details(of: store.run(named: "latest"))
      let finding = try #require(stored.result?.allowedFindings?.first)
      #expect(finding.isWithdrawal && finding.path == "rounds")
      let list = RunList([stored.run], headlines: try store.headlines(of: [stored.run]))
      let text = list.lines(colors: false).joined(separator: "\n")
      #expect(
        text.contains("4.999 !") && text.contains("because an earlier version did not refuse it"))
      #expect(
        stored.lines(colors: false).contains {
          $0.contains("Refused today") && $0.contains("rounds: must be")
        })
      #expect(stored.document["privacy"]?["allowed"]?[0]?["rule"] == "withdrawn")
      #expect(throws: StoreError.self) { try LedgerReport(run: stored.run, in: store) }
    }
  }

  @Test("the list of runs")
  func list() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let done = try await Sample.store(Sample.result(), in: store).run
      let failed = try Sample.recorder(in: store, startedAt: Sample.start + 60)
      try await failed.end(as: .failed, reason: "x", cost: Sample.cost)
      let list = RunList(try store.runs(), headlines: try store.headlines(of: store.runs()))
      #expect(
        list.lines(colors: false) == [
          "  run                            method   seed  status    mean   worst    ε ≤",
          "  \(failed.runID)  r-dpcfl     7  failed       –       –      –",
          "  \(done.runID)  r-dpcfl     7  done    68.0 %  50.0 %  4.999", "",
          "worst: accuracy of the worst-off cluster, of the worst-off client where all are of one cluster; ε ≤: the largest "
            + "of its clients. `runs show RUN` has time, memory and everything else.",
        ])
      #expect(list.document[1]?["delta"] == 1e-4 && list.document[1]?["unit"] == "example")
      #expect(list.document[1]?["relation"] == "add-or-remove-one")
      #expect(list.document[1]?["worst_client_accuracy"] == 0.4)
      #expect(list.document[1]?["allowed"] == [] && list.document[0]?["delta"] == .null)
      #expect(
        list.document[0]?["status"] == "failed"
          && list.document[1]?["run_id"] == .string(done.runID))
      let shared = try RunRecorder(
        store: store, scenario: try Sample.scenario, workers: 2,
        place: RunPlace(ranks: 4, nodes: 2), machine: "a machine", startedAt: Sample.start + 120)
      let both = RunList(Array(try store.runs().prefix(2)), headlines: [:])
      let text = both.lines(colors: false).joined(separator: "\n")
      // The last columns follow below where a terminal is narrow.
      for title in ["ranks", "nodes"] { #expect(text.contains(title)) }
      #expect(both.document[0]?["run_id"] == .string(shared.runID))
      #expect(both.document[0]?["ranks"] == 4 && both.document[0]?["nodes"] == 2)
      #expect(
        RunList([], headlines: [:]).lines(colors: true) == ["There are no runs in this store."])
    }
  }
}

extension JSONValue {
  var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}

extension Double? {
  func isNear(_ reference: Double) -> Bool { self.map { abs($0 - reference) < 1e-12 } ?? false }
}
