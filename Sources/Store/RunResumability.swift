// Which stored runs can go on.

extension RunRecord {
  /// - Throws: `StoreError.runInProgress` or `notResumable`.
  func checkResumable(fromElsewhere: Bool) throws(StoreError) {
    switch status {
    case .running where process.isAlive == true: throw .runInProgress(id: runID)
    case .running where process.isAlive == nil && !fromElsewhere:
      throw .notResumable(
        id: runID,
        reason: "a process of another machine seems to write it; if that is gone, add --take-over")
    case .running, .interrupted, .failed: break
    case .done: throw .notResumable(id: runID, reason: "it is done; `dpflsim runs show` shows it")
    case .stopped:
      throw .notResumable(
        id: runID, reason: "it stopped at its budget; run its scenario with another budget")
    }
    guard version == DPFLSimVersion.current else {
      throw .notResumable(
        id: runID,
        reason: "it was begun by dpflsim \(version), whose figures may differ from those of "
          + "\(DPFLSimVersion.current); run the scenario again")
    }
    // Before its start it has computed nothing.
    guard startJSON == nil || BuildIdentity.isOurs(build) else {
      throw .notResumable(
        id: runID,
        reason:
          "it was begun by another build of dpflsim or with other processor kernels, whose figures may "
          + "differ; run the scenario again")
    }
  }
}
