// Kept frozen features: found again as they were, never when damaged or of another build, the oldest removed for room.

import Analysis
import Formatting
import Foundation
import Presentation
import Store
import Testing

@Suite("Feature cache")
struct FeatureCacheTests {
  private let key = String(repeating: "ab", count: 32)

  private func cache(_ folder: URL, build: String? = "one") -> FeatureCacheFolder {
    FeatureCacheFolder(folder: folder, limits: (run: 100, total: 250), build: build)
  }

  private func piece(_ byte: UInt8, _ count: Int = 80) -> Data {
    Data(repeating: byte, count: count)
  }

  @Test("a piece is found again under its key, its place and its build alone")
  func roundTrip() async throws {
    try await withFolder { folder in
      let cache = cache(folder)
      #expect(cache.piece(3, forKey: key) == nil)
      cache.keep(piece(7), at: 3, forKey: key, of: 80)
      #expect(cache.piece(3, forKey: key).map { Data($0) } == piece(7))
      #expect(cache.piece(4, forKey: key) == nil)
      #expect(cache.piece(3, forKey: String(key.reversed())) == nil)
      #expect(self.cache(folder, build: "two").piece(3, forKey: key) == nil)
      #expect(self.cache(folder, build: nil).piece(3, forKey: key) == nil)
    }
  }

  @Test("a piece with one wrong bit, cut short, or moved to another place is not taken")
  func damaged() async throws {
    try await withFolder { folder in
      let cache = cache(folder)
      cache.keep(piece(7), at: 3, forKey: key, of: 80)
      let file = folder.appendingPathComponent("features-\(key)/3")
      let data = try Data(contentsOf: file)
      for position in [0, 31, 32, data.count - 1] {
        var wrong = data
        wrong[position] ^= 1
        try wrong.write(to: file)
        #expect(cache.piece(3, forKey: key) == nil, "byte \(position)")
      }
      for count in [0, 10, 32, data.count - 1] {
        try data.prefix(count).write(to: file)
        #expect(cache.piece(3, forKey: key) == nil, "\(count) bytes")
      }
      try data.write(to: folder.appendingPathComponent("features-\(key)/4"))
      #expect(cache.piece(4, forKey: key) == nil)
    }
  }

  @Test("what is too large for a run is not kept, and the oldest make room for what is new")
  func room() async throws {
    try await withFolder { folder in
      let cache = cache(folder)
      cache.keep(piece(1), at: 0, forKey: key, of: 101)
      #expect(cache.piece(0, forKey: key) == nil)
      let keys = ["0", "1", "2"].map { String(repeating: $0, count: 64) }
      for (age, key) in keys.enumerated() {
        cache.keep(piece(1), at: 0, forKey: key, of: 80)
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: 1000 + Double(age))],
          ofItemAtPath: folder.appendingPathComponent("features-\(key)").path)
      }
      // With its seal each takes 112 bytes: two fit beside 80 new ones, not three.
      #expect(keys.map { cache.piece(0, forKey: $0) != nil } == [false, true, true])
    }
  }

  @Test("a key that is no hash names no file", arguments: ["", "../abc", "ab", "/etc/passwd"])
  func keys(_ key: String) async throws {
    try await withFolder { folder in
      let cache = cache(folder.appendingPathComponent("a"))
      cache.keep(piece(1), at: 0, forKey: key, of: 80)
      #expect(cache.piece(0, forKey: key) == nil)
      let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
      #expect(files.isEmpty)
    }
  }
}
