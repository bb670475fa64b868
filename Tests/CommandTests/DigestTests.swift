// Portable arithmetic: shipped scenarios, made small, end with the digests of Golden/digests.json on whatever
// machine these tests run, and whatever kernels OpenBLAS takes.

import Foundation
import Scenarios
import Testing

@Suite("Digests")
struct DigestTests {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let scenario: String
    let set: [String]
    let digest: String

    var testDescription: String { name }
  }

  private static let table = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Golden/digests.json")

  static let cases: [Case] =
    (try? JSONDecoder().decode([Case].self, from: Data(contentsOf: table))) ?? []

  /// Runs a case and gives what its document says.
  private static func document(
    _ entry: Case, changes: [String] = [], environment: [String: String] = [:]
  ) async throws -> JSONValue {
    try await Program.inFolder { program in
      let run = try program.call(
        ["run", Program.shipped(entry.scenario), "--format", "json", "--quiet"]
          + (entry.set + changes).flatMap { ["--set", $0] }, environment: environment)
      #expect(run.status == 0, "\(run.errors)")
      return try JSONValue(parsing: Data(run.output.utf8))
    }
  }

  @Test("the digests of the table", arguments: cases)
  func table(entry: Case) async throws {
    let document = try await Self.document(entry)
    #expect(document["arithmetic"] == "portable")
    #expect(document["result_digest"] == .string(entry.digest))
  }

  @Test("the table has all kinds of networks")
  func tableIsThere() {
    #expect(Self.cases.count >= 9 && Set(Self.cases.map(\.digest)).count == Self.cases.count)
  }

  @Test(
    "no digest depends on OpenBLAS's kernels",
    arguments: ["Haswell", "SkylakeX", "Sandybridge", "Nehalem"])
  func coreTypes(kind: String) async throws {
    let entry = try #require(Self.cases.first { $0.name.contains("mlp") })
    let document = try await Self.document(entry, environment: ["OPENBLAS_CORETYPE": kind])
    #expect(document["result_digest"] == .string(entry.digest))
  }

  @Test("native arithmetic is named, and has another digest")
  func native() async throws {
    let entry = try #require(Self.cases.first { $0.name == "tiny" })
    let document = try await Self.document(entry, changes: ["arithmetic=native"])
    #expect(document["arithmetic"] == "native")
    #expect(document["result_digest"] != .string(entry.digest))
  }

  #if arch(x86_64)
    @Test("native arithmetic shows that the kernels were changed")
    func nativeCoreTypes() async throws {
      let entry = try #require(Self.cases.first { $0.name.contains("mlp") })
      var digests: [JSONValue?] = []
      for kind in ["Sandybridge", "Nehalem"] {
        digests.append(
          try await Self.document(
            entry, changes: ["arithmetic=native"], environment: ["OPENBLAS_CORETYPE": kind])[
              "result_digest"])
      }
      #expect(digests[0] != digests[1])
    }
  #endif
}
