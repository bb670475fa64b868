// One row of the table `artifacts`: a file beside the store that belongs to a run.

public import GRDB

/// A file of a run.
public struct ArtifactRecord: Codable, Hashable, Sendable, FetchableRecord, PersistableRecord {
  public static let databaseTableName = "artifacts"

  public let runID: String
  /// Such as `model`.
  public let kind: String
  public let name: String
  /// Relative to the folder of the store.
  public let path: String
  public let sha256: String
  public let bytes: Int

  enum CodingKeys: String, CodingKey {
    case runID = "run_id"
    case kind
    case name
    case path
    case sha256
    case bytes
  }
}
