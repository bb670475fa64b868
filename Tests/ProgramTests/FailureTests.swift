// Every kind of error has its exit status; what nobody thought of is a fault of dpflsim.

import Analysis
import Clustering
import Datasets
import Federation
import Formatting
import Foundation
import Presentation
import Privacy
import Scenarios
import Store
import Tensors
import Testing
import dpflsim

@Suite("Errors and exit codes")
struct FailureTests {
  struct Unforeseen: Error {}

  static let cases: [(any Error & Sendable, dpflsim.ExitStatus)] = [
    (DatasetError(.missing, at: "a", "b", fix: "c"), .missingInput),
    (DatasetError(.unreadable, at: "a", "b", fix: "c"), .cannotRead),
    (DatasetError(.malformed, at: "a", "b", fix: "c"), .invalidInput),
    (DatasetError(.changed, at: "a", "b", fix: "c"), .invalidInput),
    (DatasetError(.tooFew(requested: 2, available: 1), at: "a", "b", fix: "c"), .invalidInput),
    (FederationError.notFinite(client: 1, round: 2), .invalidInput),
    (FederationError.unreachableBudget(client: 1, reason: "x"), .invalidInput),
    (FederationError.memoryLimit(needed: 2, limit: 1), .stopped),
    (ClusteringError.empty, .invalidInput),
    (AccountingError.invalid(reason: "x"), .invalidInput),
    (SafetensorsError.truncated(bytes: 1), .cannotRead),
    (ModelFolderError(.missing, at: "a", "b"), .missingInput),
    (ModelFolderError(.unreadable, at: "a", "b"), .cannotRead),
    (ModelFolderError(.unsupported, at: "a", "b"), .invalidInput),
    (StoreError.missingStore(path: "p"), .missingInput),
    (StoreError.unknownRun(name: "p"), .missingInput),
    (StoreError.partialName(name: "p", run: "pq"), .missingInput),
    (StoreError.cannotWrite(path: "p", reason: "r"), .cannotWrite),
    (StoreError.olderStore(path: "p"), .cannotWrite),
    (StoreError.cannotRead(path: "p", reason: "r"), .cannotRead),
    (StoreError.notAStore(path: "p", reason: "r"), .cannotRead),
    (StoreError.newerStore(path: "p"), .cannotRead),
    (StoreError.busy(path: "p"), .cannotRead),
    (StoreError.unreadableRun(id: "p", reason: "r"), .cannotRead),
    (StoreError.ambiguousRun(name: "p", matches: ["a", "b"]), .usage),
    (StoreError.runInProgress(id: "p"), .usage),
    (Failure(.stopped, "x"), .stopped),
    (CancellationError(), .fault),
    (Unforeseen(), .fault),
  ]

  @Test("every error has a status and one sentence", arguments: cases.indices)
  func status(_ index: Int) {
    let (error, status) = Self.cases[index]
    let failure = Failure(error)
    #expect(failure.status == status, "\(error)")
    #expect(!failure.message.isEmpty && !failure.message.contains("\n"))
    #expect((status == .fault) == failure.message.contains("fault of dpflsim"))
  }

  @Test(
    "a memory limit that is too small: place, both sizes, fix; a small limit is not none",
    arguments: [(1_000_000, "1.0 MB"), (20_099, "20.0 kB"), (999, "999 B")])
  func memoryLimit(_ limit: Int, _ size: String) {
    let failure = Failure(FederationError.memoryLimit(needed: 59_234_567, limit: limit))
    #expect(
      failure.message.hasPrefix(
        "--memory-limit: the run needs about 59.3 MB and may take \(size); raise the limit, or "))
  }

  @Test("every problem of a scenario is a line of its own, with the file in front")
  func scenario() throws {
    let error = #expect(throws: ScenarioError.self) { try Scenario(json: Data("{}".utf8)) }
    let failure = Failure(try #require(error)).named("s.json")
    #expect(failure.status == .invalidInput)
    let lines = failure.message.split(separator: "\n")
    #expect(lines.count == 8 && lines.allSatisfy { $0.hasPrefix("s.json: ") })
  }

  @Test("statuses are those of sysexits.h and of shells")
  func numbers() {
    #expect(
      dpflsim.ExitStatus.allCases.map(\.rawValue) == [0, 64, 65, 66, 69, 70, 73, 74, 75, 130, 143])
  }
}
