// Tables of texts: tokenised once, cut with a count of what was cut, dealt by the values of a column.

import Datasets
import Foundation
import Testing
import Text

/// [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, then words.
private let words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film", "shoe", "very"]

private func tokenizer(extra: Int = 0) throws -> Tokenizer {
  let all = words + (0..<extra).map { "w\($0)" }
  return .wordPiece(
    try WordPiece(vocabulary: Array(all.joined(separator: "\n").utf8), name: "vocab.txt"))
}

private let dataFolder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("data")

private func format(maximumTokens: Int = 6, group: Bool = true) -> TextFormat {
  TextFormat(
    table: TableFormat(
      label: .name("label"), group: group ? .name("domain") : nil, testFraction: 0.25),
    text: .name("text"), maximumTokens: maximumTokens)
}

private func table(_ rows: [String]) -> NamedBytes {
  ("t.csv", Array((["domain,label,text"] + rows).joined(separator: "\n").utf8))
}

/// Rows of two domains: `films` of each label, `shoes` of each label.
private func rows(films: Int, shoes: Int) -> [String] {
  (0..<films).flatMap { _ in ["film,pos,good film", "film,neg,\"bad film, very bad\""] }
    + (0..<shoes).flatMap { _ in ["shoe,pos,good shoe", "shoe,neg,bad shoe"] }
}

private func view(_ dataset: Dataset, _ part: Examples.Part = .train) throws -> ClientView {
  let count = dataset.examples(part).count
  return ClientView(
    of: dataset, part, indices: (0..<count).map { Int32($0) },
    transform: try ViewTransform(for: dataset))
}

@Suite("Tables of texts")
struct TextTableTests {
  @Test("texts become ids, labels classes, and rows without a label are left out")
  func reading() throws {
    let train = table(["film,pos,Good film", "shoe,neg,bad SHOE zzz", "shoe,,good", "film,neg,bad"])
    let test = table(["film,neg,bad bad"])
    let dataset = try TextTable.dataset(
      name: "text", format: format(), tokenizer: try tokenizer(), train: train, test: test)
    #expect(dataset.shape == .tokens(maximum: 6, vocabulary: 9))
    #expect(dataset.classNames == ["neg", "pos"] && dataset.groupNames == ["film", "shoe"])
    let view = try view(dataset)
    #expect(view.count == 3 && view.valueCount == 0)
    #expect((0..<3).map { view.tokens(at: $0) } == [[2, 4, 6, 3], [2, 5, 7, 1, 3], [2, 5, 3]])
    #expect((0..<3).map { view.length(at: $0) } == [4, 5, 3])
    #expect((0..<3).map { view.label(at: $0) } == [1, 0, 0])
    #expect((0..<3).map { view.group(at: $0) } == [0, 1, 0])
    #expect(try Self.tokens(dataset, .test) == [[2, 5, 5, 3]])
    #expect(dataset.text?.description == "no text is longer than 6 tokens (the longest has 5)")
  }

  private static func tokens(_ dataset: Dataset, _ part: Examples.Part) throws -> [[Int32]] {
    let view = try view(dataset, part)
    return (0..<view.count).map { view.tokens(at: $0) }
  }

  @Test("what is cut is counted, and the ids of a large vocabulary are kept too")
  func cutting() throws {
    let train = table(["film,pos,good", "film,neg,very very very w69999 bad"])
    let dataset = try TextTable.dataset(
      name: "text", format: format(), tokenizer: try tokenizer(extra: 70_000), train: train,
      test: table(["film,pos,good good good good good good good"]))
    #expect(try Self.tokens(dataset, .train) == [[2, 4, 3], [2, 8, 8, 8, 70_008, 3]])
    let facts = try #require(dataset.text)
    #expect(facts.train.texts == 2 && facts.train.cut == 1 && facts.train.tokensLeftOut == 1)
    #expect(facts.train.tokens == 9 && facts.train.longest == 7)
    #expect(facts.test.cut == 1 && facts.test.tokensLeftOut == 3 && facts.test.longest == 9)
    #expect(
      facts.description
        == "2 of 3 texts are cut to 6 tokens (the longest has 9), which leaves out 4 of 19 tokens")
  }

  @Test("inverted labels are seen by a cluster, and the tokens stay")
  func inversion() throws {
    let dataset = try TextTable.dataset(
      name: "text", format: format(), tokenizer: try tokenizer(),
      train: table(rows(films: 2, shoes: 1)), test: table(["film,pos,good"]))
    let plain = try view(dataset)
    let inverted = ClientView(
      of: dataset, .train, indices: plain.indices,
      transform: try ViewTransform(Shift(labelPermutation: [1, 0]), for: dataset))
    for place in 0..<plain.count {
      #expect(inverted.label(at: place) == 1 - plain.label(at: place))
      #expect(inverted.tokens(at: place) == plain.tokens(at: place))
    }
    for shift in [Shift(rotationDegrees: 90), Shift(featureNoise: 0.1)] {
      #expect(throws: DatasetError.self) { try ViewTransform(shift, for: dataset) }
    }
  }

  @Test("the content hash tells texts, cuts and vocabularies apart")
  func hash() throws {
    func hash(_ maximum: Int, _ extra: Int, _ text: String) throws -> String {
      try TextTable.dataset(
        name: "text", format: format(maximumTokens: maximum),
        tokenizer: try tokenizer(extra: extra),
        train: table(["film,pos,\(text)", "film,neg,bad"]), test: table(["film,neg,bad"])
      ).contentHash
    }
    let hashes = try [
      hash(6, 0, "good"), hash(6, 0, "good"), hash(7, 0, "good"), hash(6, 1, "good"),
      hash(6, 0, "good film"),
    ]
    #expect(hashes[0] == hashes[1] && Set(hashes).count == 4)
  }

  @Test(
    "the sentiment data in tokens of all-MiniLM-L6-v2",
    .enabled(
      if: ["sentiment.csv", "minilm/vocab.txt"].allSatisfy {
        FileManager.default.fileExists(atPath: dataFolder.appendingPathComponent($0).path)
      }, "run tools/data minilm sentiment"))
  func sentiment() throws {
    let dataset = try TextTable.dataset(
      name: "text", format: format(maximumTokens: 64),
      tokenizer: Tokenizer(folder: dataFolder.appendingPathComponent("minilm")),
      trainFile: dataFolder.appendingPathComponent("sentiment.csv"), testFile: nil)
    #expect(dataset.groupNames == ["amazon", "film", "nyt", "tweets"])
    #expect(dataset.train.count + dataset.test.count == 19_136)
    let facts = try #require(dataset.text)
    #expect(facts.train.cut + facts.test.cut == 63)
    #expect(max(facts.train.longest, facts.test.longest) == 203)
    #expect(facts.train.tokens + facts.test.tokens == 485_081 - 1_087)
    // What a scenario of four domains asks for: five clients each, both labels alike.
    let requests = (0..<20).map {
      ClientRequest(cluster: $0 / 5, trainExamples: 200, labelSkew: .balanced, groups: [$0 / 5])
    }
    let partition = try Partition(
      PartitionRequest(clients: requests, testExamplesPerClient: 40, seed: 0), of: dataset)
    for (index, client) in partition.clients.enumerated() {
      #expect(client.train.allSatisfy { Int(dataset.train.groups?[Int($0)] ?? 9) == index / 5 })
      #expect(client.train.count { dataset.train.labels[Int($0)] == 1 } == 100)
    }
  }

  // MARK: - Clients by domain

  @Test(
    "clients take the rows of their group alone, with labels in equal parts",
    arguments: [false, true])
  func groups(_ overlap: Bool) throws {
    let dataset = try TextTable.dataset(
      name: "text", format: format(), tokenizer: try tokenizer(),
      train: table(
        rows(films: 40, shoes: 30) + Array(repeating: "film,neg,bad film", count: 40)
          + Array(repeating: "shoe,pos,good shoe", count: 30)),
      test: table(rows(films: 5, shoes: 4)))
    let requests = (0..<5).map { client in
      ClientRequest(
        cluster: client < 3 ? 0 : 1, trainExamples: client < 3 ? 20 : 16, labelSkew: .balanced,
        groups: [client < 3 ? 0 : 1])
    }
    let partition = try Partition(
      PartitionRequest(
        clients: requests, publicExamples: 10, testExamplesPerClient: 4, overlap: overlap, seed: 3),
      of: dataset)
    var owners: [Int32: Int] = [:]
    for (client, dealt) in partition.clients.enumerated() {
      let group = UInt16(client < 3 ? 0 : 1)
      #expect(dealt.train.count == (client < 3 ? 20 : 16) && dealt.test.count == 4)
      #expect(dealt.train.allSatisfy { dataset.train.groups?[Int($0)] == group })
      #expect(dealt.test.allSatisfy { dataset.test.groups?[Int($0)] == group })
      let positive = dealt.train.count { dataset.train.labels[Int($0)] == 1 }
      #expect(positive == dealt.train.count / 2)
      #expect(dealt.test.count { dataset.test.labels[Int($0)] == 1 } == 2)
      for example in dealt.train { owners[example, default: 0] += 1 }
      #expect(Set(dealt.train).count == dealt.train.count)
      #expect(Set(dealt.train).isDisjoint(with: partition.publicIndices))
    }
    #expect(overlap || owners.values.allSatisfy { $0 == 1 })
    #expect(partition.publicIndices.count == 10)
  }

  @Test("groups that are not there, overlap, or hold too few rows are refused")
  func groupRefusals() throws {
    let dataset = try TextTable.dataset(
      name: "text", format: format(), tokenizer: try tokenizer(),
      train: table(rows(films: 5, shoes: 4)), test: table(rows(films: 2, shoes: 1)))
    func refusal(_ groups: [[Int]?], examples: Int = 2, test: Int = 1) -> String {
      let error = #expect(throws: DatasetError.self) {
        try Partition(
          PartitionRequest(
            clients: groups.map {
              ClientRequest(cluster: 0, trainExamples: examples, groups: $0)
            }, testExamplesPerClient: test, seed: 1), of: dataset)
      }
      return error.map { "\($0)" } ?? "nothing"
    }
    #expect(refusal([[2]]).contains("2 groups of text"))
    #expect(refusal([[]]).contains("2 groups of text"))
    #expect(refusal([[0], [0, 1]]).contains("overlap"))
    #expect(refusal([[0], nil]).contains("overlap"))
    #expect(
      refusal([[1], [1], [0]], examples: 5).contains("10 training examples of shoe, which has 8"))
    #expect(refusal([[1]], test: 3).contains("3 test examples of shoe"))
  }

  // MARK: - Refusals

  @Test("columns, labels and lengths that do not fit are refused by their key")
  func refusals() throws {
    let plain = table(rows(films: 2, shoes: 2))
    func refusal(
      _ train: NamedBytes, _ change: (inout TextFormat) -> Void = { _ in },
      use: TableUse = TableUse()
    ) -> String {
      var format = format()
      change(&format)
      let error = #expect(throws: DatasetError.self) {
        try TextTable.dataset(
          name: "text", format: format, tokenizer: tokenizer(), train: train, test: train, use: use)
      }
      return error.map { "\($0)" } ?? "nothing"
    }
    #expect(refusal(plain) { $0.text = .name("body") }.contains("data.text_column"))
    #expect(refusal(plain) { $0.text = .name("label") }.contains("is the column of the label"))
    #expect(refusal(plain) { $0.table.group = .name("x") }.contains("data.group_column"))
    #expect(refusal(plain) { $0.maximumTokens = 2 }.contains("model.max_tokens"))
    #expect(
      refusal(plain) { $0.table.classes = ["pos", "other"] }.contains("line 3: has the label 'neg'")
    )
    #expect(refusal(table(["film,pos,good"])).contains("1 different labels"))
    #expect(refusal(plain, use: TableUse(isPrivate: true)).contains("data.classes"))
  }
}
