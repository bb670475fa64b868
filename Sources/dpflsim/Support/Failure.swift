// Every error as an exit code and words for people. What is not listed here is a fault of dpflsim.

import Analysis
import Clustering
import Datasets
import Federation
import Foundation
import Learning
import Presentation
import Privacy
import Ranks
import Scenarios
import Store
import Tensors

/// Why a command failed: its exit status, and a sentence for each problem on a line of its own.
public struct Failure: Error, Sendable, Hashable {
  public let status: ExitStatus
  public let message: String
  /// Whether another rank was waited for in vain, which may be reached no more.
  var lostRank = false
  /// Whether the check refused a scenario, so that nothing began.
  var isRefusal = false

  public init(_ status: ExitStatus, _ message: String) {
    self.status = status
    self.message = message
  }

  public init(_ error: any Error) {
    switch error {
    case let error as Failure: self = error
    case let error as ScenarioError: self.init(.invalidInput, error.description)
    case let error as DatasetError: self.init(Self.status(of: error.kind), error.description)
    case let error as SweepError: self.init(.usage, error.description)
    case let error as StoreError: self.init(Self.status(of: error), error.description)
    case let error as FederationError: self.init(Self.status(of: error), error.description)
    case let error as RanksError:
      self.init(Self.status(of: error), error.description)
      if case .silent = error { lostRank = true }
    case let error as ArchitectureError: self.init(.invalidInput, "\(error)")
    case let error as ClusteringError: self.init(.invalidInput, error.description)
    case let error as AccountingError: self.init(.invalidInput, error.description)
    case let error as LedgerFormatError: self.init(.cannotRead, error.description)
    case let error as MergeError:
      self.init(error.isMissing ? .missingInput : .invalidInput, error.description)
    case let error as PEFTError: self.init(.invalidInput, error.description)
    case let error as SafetensorsError: self.init(.cannotRead, error.description)
    case let error as ModelFolderError: self.init(Self.status(of: error.kind), error.description)
    default:
      self.init(
        .fault, "\(error); this is a fault of dpflsim, please report it with the scenario")
    }
  }

  /// The same with the file in front of every line that speaks of it.
  public func named(_ file: String) -> Failure {
    let lines = message.split(separator: "\n").map { "\(file): \($0)" }
    return Failure(status, lines.joined(separator: "\n"))
  }

  private static func status(of kind: DatasetError.Kind) -> ExitStatus {
    switch kind {
    case .missing: .missingInput
    case .unreadable: .cannotRead
    case .malformed, .changed, .tooFew, .invalidRequest: .invalidInput
    }
  }

  private static func status(of kind: ModelFolderError.Kind) -> ExitStatus {
    switch kind {
    case .missing: .missingInput
    case .unreadable: .cannotRead
    case .malformed, .unsupported: .invalidInput
    }
  }

  private static func status(of error: FederationError) -> ExitStatus {
    switch error {
    case .budgetExhausted, .serverBudgetExhausted, .memoryLimit: .stopped
    case .unreachableBudget, .updateOutOfRange, .notFinite, .cannotResume, .cannotAudit,
      .cannotShare, .methodCannotRun:
      .invalidInput
    }
  }

  private static func status(of error: RanksError) -> ExitStatus {
    switch error {
    case .unavailable: .unavailable
    case .silent: .stopped
    case .differs: .invalidInput
    case .failed, .diverged, .malformed, .other: .fault
    }
  }

  private static func status(of error: StoreError) -> ExitStatus {
    switch error {
    case .missingStore, .unknownRun, .partialName: .missingInput
    case .cannotWrite, .olderStore: .cannotWrite
    case .cannotRead, .notAStore, .newerStore, .busy, .unreadableRun,
      .noUsableCheckpoint:
      .cannotRead
    case .refusedValue: .fault
    case .ambiguousRun, .runInProgress, .notResumable: .usage
    }
  }
}
