// How the exports write their files.

import Foundation
import Scenarios
import Store

/// Files that an export writes one after another, whole or not at all each.
struct ExportedFiles {
  let folder: URL
  private(set) var written: [URL] = []

  init(in folder: URL) { self.folder = folder }

  /// - Throws: `StoreError.cannotWrite`.
  mutating func put(_ data: Data, _ parts: String...) throws {
    let file = parts.reduce(folder) { $0.appendingPathComponent($1) }
    let parent = file.deletingLastPathComponent()
    do {
      try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
    } catch {
      throw StoreError.cannotWrite(path: parent.path, reason: StoreError.reason(of: error))
    }
    try AtomicFile.write(data, to: file)
    written.append(file)
  }

  /// - Throws: `StoreError.cannotWrite`.
  mutating func put(_ document: JSONValue, _ parts: String...) throws {
    try put(Data((document.prettyText + "\n").utf8), parts.joined(separator: "/"))
  }
}
