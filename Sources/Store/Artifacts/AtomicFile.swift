// A file that is either there as a whole or not at all, also after a power failure.

package import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Writes files in one step.
package enum AtomicFile {
  /// Writes to a new file beside `file`, waits until the disk has it, and renames it into place.
  ///
  /// - Throws: `StoreError.cannotWrite`, also where something else than a file stands in its place; nothing is
  ///   left behind then.
  package static func write(_ data: Data, to file: URL) throws(StoreError) {
    try checkReplaceable(file)
    let folder = file.deletingLastPathComponent()
    let suffix = String(UInt32.random(in: .min ... .max), radix: 16)
    let temporary = folder.appendingPathComponent(".\(file.lastPathComponent).\(suffix).tmp")
    // A new file only: whatever lies in its place, also a link, is not followed.
    let descriptor = open(
      temporary.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(file, errno) }
    do {
      let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
      defer { close(descriptor) }
      try handle.write(contentsOf: data)
      try handle.synchronize()
    } catch {
      unlink(temporary.path)
      throw StoreError.cannotWrite(path: file.path, reason: StoreError.reason(of: error))
    }
    guard rename(temporary.path, file.path) == 0 else {
      let code = errno
      unlink(temporary.path)
      throw failure(file, code)
    }
    synchronize(folder)
  }

  /// Renaming would take the place of a device, a pipe or a link, not write to it.
  private static func checkReplaceable(_ file: URL) throws(StoreError) {
    var status = stat()
    guard lstat(file.path, &status) == 0 else { return }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return
    case S_IFDIR: throw .cannotWrite(path: file.path, reason: "it is a folder")
    case S_IFLNK: throw .cannotWrite(path: file.path, reason: "it is a link; name the file itself")
    default: throw .cannotWrite(path: file.path, reason: "it is no regular file")
    }
  }

  /// The name of a renamed file is safe only when its folder is. Some file systems cannot do this for a
  /// folder; they order the rename themselves.
  private static func synchronize(_ folder: URL) {
    let descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  private static func failure(_ file: URL, _ code: Int32) -> StoreError {
    .cannotWrite(path: file.path, reason: StoreError.reason(ofCode: code))
  }
}
