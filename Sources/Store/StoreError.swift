// What can go wrong with the store of runs and the files beside it, in one sentence each.

import Foundation
import GRDB

/// A store, a run or a file of a run that cannot be used.
public enum StoreError: Error, Sendable, Hashable {
  case missingStore(path: String)
  case cannotWrite(path: String, reason: String)
  case cannotRead(path: String, reason: String)
  /// A value that a constraint of the tables or a limit of SQLite excludes: nobody could have avoided it.
  case refusedValue(path: String, reason: String)
  /// A file is there, but it is no store of dpflsim, or a damaged one.
  case notAStore(path: String, reason: String)
  /// Written by a later version, whose tables this one does not know.
  case newerStore(path: String)
  /// Written by an earlier version, and opened for reading only.
  case olderStore(path: String)
  /// Another process kept the store locked for longer than the waiting time.
  case busy(path: String)
  case unknownRun(name: String)
  case ambiguousRun(name: String, matches: [String])
  /// A run that is to be deleted by less than its name.
  case partialName(name: String, run: String)
  /// A run that goes on at this moment cannot be deleted or written by somebody else.
  case runInProgress(id: String)
  /// A run that cannot be continued because of how it stands.
  case notResumable(id: String, reason: String)
  /// All checkpoints of a run are damaged or gone.
  case noUsableCheckpoint(id: String, reason: String)
  /// A stored value that this version cannot read.
  case unreadableRun(id: String, reason: String)
}

extension StoreError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missingStore(let path):
      "\(path): there is no store of runs yet; simulate a scenario first, or name a store with --store"
    case .cannotWrite(let path, let reason):
      "\(path): cannot be written (\(reason)); "
        + (Self.isFixed(byRoom: reason)
          ? "make room or choose another place" : "make it writable or choose another place")
    case .cannotRead(let path, let reason):
      "\(path): cannot be read (\(reason)); make it readable or name another store with --store"
    case .refusedValue(let path, let reason):
      "\(path): the store refused a value (\(reason)); this is a fault of dpflsim, please report it with "
        + "the scenario"
    case .notAStore(let path, let reason):
      "\(path): is no store of dpflsim, or a damaged one (\(reason)); choose another place with --store"
    case .newerStore(let path):
      "\(path): was written by a later version of dpflsim; update dpflsim or use another --store"
    case .olderStore(let path):
      "\(path): was written by an earlier version of dpflsim and is write-protected; "
        + "make it writable once so that its tables can be brought up to date"
    case .busy(let path):
      "\(path): another process keeps the store locked; try again when it is done"
    case .unknownRun(let name):
      "\(name): there is no such run in the store; `dpflsim runs` lists them"
    case .ambiguousRun(let name, let matches):
      "\(name): stands for several runs (\(matches.joined(separator: ", "))); write more of the name"
    case .partialName(let name, let run):
      "\(name): deleting needs the whole name, \(run); `dpflsim runs` lists them"
    case .runInProgress(let id):
      "\(id): this run is going on at the moment; stop it first"
    case .notResumable(let id, let reason):
      "\(id): cannot be continued: \(reason)"
    case .noUsableCheckpoint(let id, let reason):
      "\(id): none of its checkpoints can be read (\(reason)); run the scenario again from its beginning"
    case .unreadableRun(let id, let reason):
      "\(id): a stored value cannot be read (\(reason)); it may come from another version of dpflsim"
    }
  }
}

// MARK: - From other errors

extension StoreError {
  /// What SQLite or the operating system said about the store, as an error of this room.
  init(_ error: any Error, store path: String) {
    if let own = error as? StoreError {
      self = own
      return
    }
    guard let database = error as? DatabaseError else {
      self = .cannotRead(path: path, reason: Self.reason(of: error))
      return
    }
    let reason = database.message ?? "SQLite error \(database.resultCode.rawValue)"
    switch database.resultCode {
    case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy(path: path)
    case .SQLITE_NOTADB, .SQLITE_CORRUPT, .SQLITE_FORMAT:
      self = .notAStore(path: path, reason: reason)
    case .SQLITE_FULL: self = .cannotWrite(path: path, reason: Self.reason(ofCode: ENOSPC))
    case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_IOERR, .SQLITE_PERM:
      self = .cannotWrite(path: path, reason: reason)
    case .SQLITE_CONSTRAINT, .SQLITE_TOOBIG, .SQLITE_MISMATCH:
      self = .refusedValue(path: path, reason: reason)
    default: self = .cannotRead(path: path, reason: reason)
    }
  }

  /// Whether more room may remove the reason. SQLite reports a disk on which its shared memory does not fit as
  /// an I/O error.
  private static func isFixed(byRoom reason: String) -> Bool {
    [Self.reason(ofCode: ENOSPC), Self.reason(ofCode: EDQUOT)].contains(reason)
      || reason.hasPrefix("disk I/O error")
  }

  /// What an error number of the operating system means.
  public static func reason(ofCode code: Int32) -> String {
    switch code {
    case EACCES, EPERM: "permission denied"
    case ENOENT: "no such file or folder"
    case ENOTDIR: "a part of the path is no folder"
    case EISDIR: "it is a folder"
    case EEXIST: "it is already there"
    case ENOSPC: "no space left on the disk"
    case EDQUOT: "the disk quota is used up"
    case EROFS: "the file system is read-only"
    case ELOOP: "a link leads nowhere"
    case ENAMETOOLONG: "the name is too long"
    case EMFILE, ENFILE: "too many open files"
    case EPIPE: "nobody reads it any more"
    default: "error \(code) of the operating system"
    }
  }

  /// The shortest telling words of a Foundation error: its POSIX cause where it has one.
  public static func reason(of error: any Error) -> String {
    let error = error as NSError
    if let cause = error.userInfo[NSUnderlyingErrorKey] as? any Error { return reason(of: cause) }
    if error.domain == NSPOSIXErrorDomain {
      return reason(ofCode: Int32(truncatingIfNeeded: error.code))
    }
    return error.localizedDescription
  }
}
