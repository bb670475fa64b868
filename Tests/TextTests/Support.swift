// What the tests of this room share: reference values, folders, a vocabulary of a few words.

import Foundation
import Testing
import Text

let packageFolder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

let miniLMFolder = packageFolder.appendingPathComponent("data/minilm")
let hasMiniLM = FileManager.default.fileExists(
  atPath: miniLMFolder.appendingPathComponent("vocab.txt").path)

/// A text and its tokens by the reference.
struct GoldenText: Decodable, Sendable {
  let text: String
  let ids: [Int32]
  let tokensBeforeCut: Int?
}

struct GoldenTexts: Decodable, Sendable {
  let source: String
  let cases: [GoldenText]
}

func golden(_ name: String) throws -> Data {
  let folder = try #require(Bundle.module.resourceURL).appendingPathComponent("Golden")
  return try Data(contentsOf: folder.appendingPathComponent(name))
}

func goldenTexts(_ name: String) throws -> [GoldenText] {
  let decoder = JSONDecoder()
  decoder.keyDecodingStrategy = .convertFromSnakeCase
  return try decoder.decode(GoldenTexts.self, from: golden(name)).cases
}

/// A folder that is there while `body` runs.
func withFolder<Value>(_ body: (URL) throws -> Value) throws -> Value {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("dpflsim-\(UUID().uuidString)", isDirectory: true)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

/// What an error says.
func told(_ error: (any Error)?) -> String { error.map { "\($0)" } ?? "nothing" }
