// The store of runs: one SQLite file, and beside it a folder with the models of every run.
//
// Written with a write-ahead log, so that other programs can read while a run is writing; every write
// is one transaction, on the disk before the call returns.

public import Foundation
package import GRDB

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A store that is open.
public struct RunStore: Sendable {
  /// The SQLite file; nil for a store in memory.
  public let file: URL?
  /// Holds a folder for every run that left files: `NAME.files` beside `NAME.sqlite`.
  public let filesFolder: URL
  let writer: any DatabaseWriter
  /// The file as it was opened; nil for a store in memory.
  private let identity: FileIdentity?

  /// Seconds for which a locked store is waited for.
  static let patience = 10.0

  /// Opens a store for writing, and makes it if there is none.
  public static func open(_ file: URL) throws(StoreError) -> RunStore {
    do {
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    } catch {
      throw .cannotWrite(path: file.path, reason: StoreError.reason(of: error))
    }
    if try exists(file) {
      try checkWritable(file)
    } else {
      try checkWritable(file.deletingLastPathComponent(), for: file)
    }
    return try RunStore(file: file, readonly: false)
  }

  /// Opens a store that is there, read-only where nothing can be written.
  public static func openExisting(_ file: URL) throws(StoreError) -> RunStore {
    guard try exists(file) else { throw .missingStore(path: file.path) }
    let folder = file.deletingLastPathComponent()
    let isWritable = [file, folder].allSatisfy {
      FileManager.default.isWritableFile(atPath: $0.path)
    }
    return try RunStore(file: file, readonly: !isWritable)
  }

  /// A store in memory, for tests.
  public static func inMemory(filesFolder: URL) throws(StoreError) -> RunStore {
    try RunStore(file: nil, filesFolder: filesFolder) {
      try DatabaseQueue(configuration: configuration(readonly: false))
    }
  }

  private init(file: URL, readonly: Bool) throws(StoreError) {
    let name =
      file.pathExtension == "sqlite"
      ? file.deletingPathExtension().lastPathComponent : file.lastPathComponent
    let folder = file.deletingLastPathComponent().appendingPathComponent(
      name + ".files", isDirectory: true)
    try self.init(file: file, filesFolder: folder) {
      let configuration = Self.configuration(readonly: readonly)
      do {
        return try DatabaseQueue(path: file.path, configuration: configuration)
      } catch let error as DatabaseError
        where readonly && [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode)
      {
        return try Self.copyInMemory(of: file, configuration)
      }
    }
  }

  /// SQLite reads a write-ahead log only where it can make a file beside it. On a disk that is write-protected it
  /// cannot open one, in a folder of somebody else it may not: there a store is read as a copy, with its log.
  private static func copyInMemory(
    of file: URL, _ configuration: Configuration
  ) throws -> DatabaseQueue {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let copy = folder.appendingPathComponent("store")
    try FileManager.default.copyItem(at: file, to: copy)
    if FileManager.default.fileExists(atPath: file.path + "-wal") {
      try FileManager.default.copyItem(atPath: file.path + "-wal", toPath: copy.path + "-wal")
    }
    return try DatabaseQueue.inMemoryCopy(fromPath: copy.path, configuration: configuration)
  }

  private init(
    file: URL?, filesFolder: URL, opening: () throws -> DatabaseQueue
  ) throws(StoreError) {
    self.file = file
    self.filesFolder = filesFolder
    do {
      writer = try Self.patiently {
        let queue = try opening()
        try Self.prepare(queue, path: file?.path ?? "")
        return queue
      }
      identity = file.flatMap { FileIdentity(path: $0.path) }
    } catch {
      throw StoreError(error, store: file?.path ?? "")
    }
  }

  /// Opens again while others keep the store busy. SQLite's own patience does not cover the moment in which a new store
  /// gets its write-ahead log: of two who ask for that at once it sends one away.
  private static func patiently(_ open: () throws -> DatabaseQueue) throws -> DatabaseQueue {
    let begin = ContinuousClock.now
    while true {
      do {
        return try open()
      } catch let error as DatabaseError
        where error.resultCode == .SQLITE_BUSY
        && begin.duration(to: .now) < .seconds(patience)
      {
        usleep(20_000)
      }
    }
  }

  private static func configuration(readonly: Bool) -> Configuration {
    var configuration = Configuration()
    configuration.readonly = readonly
    configuration.journalMode = .wal
    configuration.busyMode = .timeout(patience)
    configuration.label = "dpflsim store"
    if !readonly {
      configuration.prepareDatabase { database in
        // What was committed is still there after a power failure.
        try database.execute(sql: "PRAGMA synchronous = FULL")
      }
    }
    return configuration
  }

  /// Makes sure that the file is a store of this version, and brings an older one up to date.
  ///
  /// Another process may do so at the same moment. Its steps and ours exclude one another one by one, so that ours fail
  /// where it was faster; whoever finds that the store has moved on begins again from there.
  private static func prepare(_ queue: DatabaseQueue, path: String) throws {
    while true {
      let state = try queue.read(StoreState.init)
      guard state.isStore || state.isEmpty else {
        throw StoreError.notAStore(path: path, reason: "it holds the tables of another program")
      }
      guard !state.isNewer else { throw StoreError.newerStore(path: path) }
      guard !state.isCurrent else { return }
      guard !queue.configuration.readonly else { throw StoreError.olderStore(path: path) }
      do {
        return try Schema.migrator.migrate(queue)
      } catch {
        guard try queue.read(StoreState.init).steps > state.steps else { throw error }
      }
    }
  }
}

/// How far a file has come as a store.
private struct StoreState {
  let isStore: Bool
  /// Nothing but the list of steps, which is made before the first of them.
  let isEmpty: Bool
  let isNewer: Bool
  let isCurrent: Bool
  /// Steps that are done.
  let steps: Int

  init(_ database: Database) throws {
    isStore =
      try Int.fetchOne(database, sql: "PRAGMA application_id") == Schema.applicationID
    isEmpty =
      try Int.fetchOne(
        database,
        sql: "SELECT count(*) FROM sqlite_master WHERE tbl_name <> 'grdb_migrations'") == 0
    isNewer = try Schema.migrator.hasBeenSuperseded(database)
    isCurrent = try Schema.migrator.hasCompletedMigrations(database)
    steps = try Schema.migrator.appliedIdentifiers(database).count
  }
}

// MARK: - Reading and writing

extension RunStore {
  /// The folder that the paths of artifacts are relative to.
  public var folder: URL { filesFolder.deletingLastPathComponent() }

  package func read<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
    do {
      return try writer.read(body)
    } catch {
      throw StoreError(error, store: file?.path ?? "")
    }
  }

  /// One transaction. Does not ask whether the task was cancelled: the end of a cancelled run must be
  /// written too.
  ///
  /// - Throws: `StoreError.cannotWrite` too where the file was removed or replaced: SQLite would go on writing
  ///   to what nobody can open any more.
  package func write<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
    let value: Value
    do {
      value = try writer.write(body)
    } catch {
      throw StoreError(error, store: file?.path ?? "")
    }
    if let file, let identity, FileIdentity(path: file.path) != identity {
      throw .cannotWrite(
        path: file.path, reason: "it was removed or replaced while it was being written")
    }
    return value
  }
}

/// Tells a file from another one that has taken its name.
private struct FileIdentity: Equatable {
  let device: UInt64
  let node: UInt64

  /// nil if there is none.
  init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = UInt64(truncatingIfNeeded: status.st_dev)
    node = UInt64(truncatingIfNeeded: status.st_ino)
  }
}

// MARK: - Before opening

extension RunStore {
  /// Whether there is a file; anything else in its place is refused.
  private static func exists(_ file: URL) throws(StoreError) -> Bool {
    let attributes = try? FileManager.default.attributesOfItem(
      atPath: file.resolvingSymlinksInPath().path)
    guard let type = attributes?[.type] as? FileAttributeType else { return false }
    guard type == .typeRegular else {
      throw .notAStore(path: file.path, reason: "it is no regular file")
    }
    return true
  }

  private static func checkWritable(_ place: URL, for file: URL? = nil) throws(StoreError) {
    guard access(place.path, W_OK) == 0 else {
      throw .cannotWrite(path: (file ?? place).path, reason: StoreError.reason(ofCode: errno))
    }
  }
}
