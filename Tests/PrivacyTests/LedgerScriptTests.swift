// Ledgers as a library that shares no code with ours sees them: tools/ledger-epsilon with dp-accounting.

import Foundation
import Privacy
import Testing

private let package = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

@Suite(
  "The ledger in dp-accounting",
  .enabled(
    if: FileManager.default.fileExists(
      atPath: package.appendingPathComponent(".venv-ledger/.ready").path),
    "dp-accounting is not installed: tools/ledger-epsilon --setup"))
struct LedgerScriptTests {
  private struct Row: Decodable {
    let client: Int?
    let epsilon: Double?
  }

  /// What the script says of a ledger; infinite where it states nothing.
  private static func recomputed(
    _ ledger: PrivacyLedger, delta: Double, accountant: String
  ) throws -> [Int: Double] {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-ledger-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("ledger.jsonl")
    try ledger.jsonLines().write(to: file)
    let process = Process()
    process.executableURL = package.appendingPathComponent("tools/ledger-epsilon")
    process.arguments = [
      file.path, "--delta", "\(delta)", "--accountant", accountant, "--format", "json",
    ]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let rows = try JSONDecoder().decode([Row].self, from: output)
    return Dictionary(uniqueKeysWithValues: rows.map { ($0.client ?? -1, $0.epsilon ?? .infinity) })
  }

  @Test("what left through random projections has the same price there, at integer orders")
  func projections() throws {
    var ledger = PrivacyLedger()
    let clients = [(4, 0.3, 0.01, 2000), (16, 0.6, 0.05, 100), (2, 0.8, 1, 3), (60, 1.2, 0.2, 40)]
    for (index, client) in clients.enumerated() {
      ledger.append(
        .gaussian(
          round: 1, client: index, noiseMultiplier: client.1, sampleRate: client.2, maxGradNorm: 1,
          sensitivity: 1, projection: RandomProjection(rank: client.0, dimension: 64),
          count: client.3))
      ledger.append(
        .gaussian(round: 1, client: index, noiseMultiplier: 5, maxGradNorm: 1, sensitivity: 1))
      ledger.append(.exponentialMechanism(round: 2, client: index, epsilon: 0.05, sensitivity: 1))
    }
    let found = try Self.recomputed(ledger, delta: 1e-5, accountant: "rdp")
    for client in clients.indices {
      let own = PrivacyLedger(ledger.entries.filter { $0.client == client })
      let ours = try own.bound(delta: 1e-5, accountant: RDPAccountant()).epsilon
      let theirs = try #require(found[client])
      #expect(abs(ours / theirs - 1) < 1e-3, "client \(client): \(ours) and \(theirs)")
    }
  }

  @Test("both agree to a thousandth where dp-accounting is exact, client by client")
  func agreement() throws {
    var ledger = PrivacyLedger()
    // A full-batch round, sampled rounds and selections, with several noises and rates. Long compositions are compared
    // with golden values (PLDAccountantTests): dp-accounting takes half a minute for the 49,750 steps of this rate.
    let clients: [(noise: Double, rate: Double, steps: Int, selection: Double?)] = [
      (1.9111, 0.004, 1_500, 0.09), (1.3, 0.01, 500, 0.15), (4, 0.1, 100, nil),
      (2.5, 0.3, 40, 0.5),
    ]
    for (index, client) in clients.enumerated() {
      ledger.append(
        .gaussian(
          round: 1, client: index, noiseMultiplier: client.noise, maxGradNorm: 1, sensitivity: 1))
      ledger.append(
        .gaussian(
          round: 2, client: index, noiseMultiplier: client.noise, sampleRate: client.rate,
          maxGradNorm: 1, sensitivity: 1, count: client.steps))
      if let epsilon = client.selection {
        ledger.append(
          .exponentialMechanism(
            round: 2, client: index, epsilon: epsilon, sensitivity: 0.5, count: 20))
      }
    }
    let accountants: [any PrivacyAccountant] = [RDPAccountant(), PLDAccountant()]
    var renyi: [Int: Double] = [:]
    for accountant in accountants {
      let name = accountant.kind.rawValue
      let theirs = try Self.recomputed(ledger, delta: 1e-5, accountant: name)
      if accountant.kind == .rdp { renyi = theirs }
      #expect(theirs.count == clients.count)
      for index in clients.indices {
        let own = PrivacyLedger(ledger.entries.filter { $0.client == index })
        let ours = try own.bound(delta: 1e-5, accountant: accountant).epsilon
        // Many selections have smaller Rényi divergences than the loss that dominates them; the smaller bound is ours.
        let other = min(try #require(theirs[index]), renyi[index] ?? .infinity)
        #expect(abs(other / ours - 1) < 2e-3, "\(name) \(other) \(ours)")
      }
    }
  }

  @Test("a release of the server's counts for everybody, one without noise for infinity")
  func serverAndNothing() throws {
    var ledger = PrivacyLedger()
    ledger.append(
      .gaussian(
        round: 1, client: nil, purpose: .aggregation, noiseMultiplier: 2, sampleRate: 0.5,
        maxGradNorm: 1, sensitivity: 1, count: 10))
    let theirs = try Self.recomputed(ledger, delta: 1e-3, accountant: "rdp")
    let alone = try #require(theirs[-1])
    let ours = try ledger.bound(delta: 1e-3, accountant: RDPAccountant()).epsilon
    #expect(abs(alone / ours - 1) < 1e-3)
    ledger.append(.nonPrivate(round: 2, client: 3, purpose: .training))
    #expect(try Self.recomputed(ledger, delta: 1e-3, accountant: "pld") == [3: .infinity])
  }
}
