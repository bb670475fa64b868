// What was fixed when the training of a run started, as the store keeps it.

public import Datasets
public import Federation

/// A `RunStart` in the column `start_json`. The table `client_partition` has the clients of the partition.
public struct StoredStart: Codable, Hashable, Sendable {
  public let partition: PartitionReport
  public let trainableParameters: Int
  public let modelParameters: Int
  public let featureBytes: Int
  public let cachedClients: Int
  /// What the run was expected to take at most; nil in runs of earlier versions.
  public let expectedPeakBytes: Int?
  public let notes: [String]
  /// What the check warned of before the run, and what it would have refused but was told to allow; nil in
  /// runs of earlier versions.
  public let findings: [CheckReport.Finding]?

  init(_ start: RunStart, findings: [CheckReport.Finding]) {
    var partition = start.partition
    partition.clients = PartitionReport.Clients()
    self.partition = partition
    trainableParameters = start.trainableParameters
    modelParameters = start.modelParameters
    featureBytes = start.featureBytes
    cachedClients = start.cachedClients
    expectedPeakBytes = start.forecast.peakBytes
    notes = start.notes
    self.findings = findings
  }
}
