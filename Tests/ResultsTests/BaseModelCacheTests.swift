// Kept base models: found again under their key, never when damaged, never outside their folder.

import Analysis
import Formatting
import Foundation
import Presentation
import Store
import Testing

@Suite("Base model cache")
struct BaseModelCacheTests {
  @Test("what is stored is found again under its key alone")
  func roundTrip() async throws {
    try await withFolder { folder in
      let cache = BaseModelCache(folder: folder.appendingPathComponent("cache"), build: "one")
      let values = (0..<5000).map { Float($0) * 0.1 }
      #expect(cache.parameters(forKey: "abc") == nil)
      cache.store(values, forKey: "abc")
      #expect(cache.parameters(forKey: "abc") == values)
      #expect(cache.parameters(forKey: "abd") == nil)
    }
  }

  @Test("what another build has pretrained is not taken, and replaced")
  func otherBuild() async throws {
    try await withFolder { folder in
      let (old, new) = (
        BaseModelCache(folder: folder, build: "one"), BaseModelCache(folder: folder, build: "two")
      )
      old.store([1, 2], forKey: "abc")
      #expect(new.parameters(forKey: "abc") == nil)
      new.store([1, 3], forKey: "abc")
      #expect(new.parameters(forKey: "abc") == [1, 3])
      #expect(old.parameters(forKey: "abc") == nil)
      #expect(BuildIdentity.current?.count == 64)
    }
  }

  @Test("a file with one wrong bit, or of another key, is not taken")
  func damaged() async throws {
    try await withFolder { folder in
      let cache = BaseModelCache(folder: folder, build: "one")
      cache.store([1, 2, 3], forKey: "abc")
      let file = folder.appendingPathComponent("base-abc.safetensors")
      let data = try Data(contentsOf: file)
      for position in [0, 20, data.count - 1] {
        var wrong = data
        wrong[position] ^= 1
        try wrong.write(to: file)
        #expect(cache.parameters(forKey: "abc") == nil, "byte \(position)")
      }
      try data.write(to: folder.appendingPathComponent("base-def.safetensors"))
      #expect(cache.parameters(forKey: "def") == nil)
    }
  }

  @Test("a key that is no hash names no file", arguments: ["", "../abc", "x", "/etc/passwd"])
  func keys(_ key: String) async throws {
    try await withFolder { folder in
      let cache = BaseModelCache(folder: folder.appendingPathComponent("a"), build: "one")
      cache.store([1], forKey: key)
      #expect(cache.parameters(forKey: key) == nil)
      let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
      #expect(files.isEmpty)
    }
  }
}
