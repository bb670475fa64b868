// Soft prompts and planning tokens on a tiny GPT-2 against golden values, and what they refuse.

import Foundation
import Kernels
import Learning
import Tensors
import TestSupport
import Testing

private struct PlanningGolden: Decodable {
  struct Prompt: Decodable {
    let ids: [Int32]
    let loss: Double
    let gradientNorm: Double

    enum CodingKeys: String, CodingKey {
      case ids, loss
      case gradientNorm = "gradient_norm"
    }
  }

  struct Example: Decodable {
    let ids: [Int32]
    let loss: Double
    let gradient: [[Double]]
    let textLoss: Double
    let textNorm: Double
    let inputNorm: Double
    let prompt: Prompt

    enum CodingKeys: String, CodingKey {
      case ids, loss, gradient
      case textLoss = "loss_text_only"
      case textNorm = "gradient_norm_text_only"
      case inputNorm = "gradient_norm_input_side_only"
      case prompt = "soft_prompt"
    }
  }

  struct Planning: Decodable { let examples: [Example] }
  let planning: Planning
}

@Suite("Soft prompts and planning tokens")
struct SoftRowsTests {
  private let examples: [PlanningGolden.Example]
  private let golden: TransformerGolden

  init() throws {
    examples = try JSONDecoder().decode(
      PlanningGolden.self, from: Data(contentsOf: goldenFile("transformer.json"))
    ).planning.examples
    golden = try TransformerGolden.load()
  }

  /// scale · sin(0.37 i + 0.11 i² + 1.7 k + 0.5), as the file's tensors of full rank.
  private func rows(_ count: Int, k: Int) -> [Float] {
    (0..<count * 16).map { i in
      let i = Double(i)
      return Float(0.3 * sin(0.37 * i + 0.11 * i * i + 1.7 * Double(k) + 0.5))
    }
  }

  private func pass(
    _ rows: SoftRows, theta: [Float], ids: [Int32]
  ) throws -> (loss: Double, norm: Double, gradient: [Float]) {
    let model = try Architecture.gpt(
      GPT2Configuration(
        vocabularySize: 30, width: 16, blocks: 2, heads: 4, innerWidth: 24, positions: 12),
      maximumTokens: 8)
    let plan = try TrainingPlan(architecture: model, adapter: SoftRowsAdapter(rows))
    let known = Dictionary(uniqueKeysWithValues: golden.decoder.tensors.map { ($0.name, $0) })
    let base = try model.parameters(seed: 1) { known[$0]?.values[...] }
    let network = Network(plan: plan, tile: 4, rows: 32)
    network.load(frozen: FrozenParameters(base: base, factors: []))
    network.load(trainable: theta)
    var gradient = [Float](repeating: 0, count: theta.count)
    var norm = 0.0
    // Beside another text, so that rows of a tile are taken apart.
    let texts = Texts(tokens: [[7, 7, 2], ids], labels: [0, 0])
    var scratch = gradient
    _ = network.addClippedSum(
      of: texts, at: [0, 1], clipping: .flat(maxGradNorm: 1e6), to: &scratch
    ) { if $0 == 1 { norm = $1 } }
    let statistics = network.addClippedSum(
      of: texts, at: [1], clipping: .none, to: &gradient)
    return (statistics.loss, norm, gradient)
  }

  @Test("losses and gradients of planning tokens, predicted or not")
  func planning() throws {
    for example in examples {
      let after = try #require(example.ids.firstIndex(of: 30))
      let own = example.ids.filter { $0 < 30 }
      let predicted = try pass(
        SoftRows(count: 2, after: after, role: .tokens(predicted: true)),
        theta: rows(2, k: 232), ids: own)
      #expect(isClose(predicted.loss, example.loss, relative: 1e-5))
      let expected = example.gradient.flatMap { $0 }
      #expect(distance(predicted.gradient, expected) < 2e-5)
      let length = expected.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(isClose(predicted.norm, length, relative: 2e-5))
      // Both sides count: one alone has another norm.
      #expect(!isClose(predicted.norm, example.inputNorm, relative: 0.01))
      let text = try pass(
        SoftRows(count: 2, after: after, role: .tokens(predicted: false)),
        theta: rows(2, k: 232), ids: own)
      #expect(isClose(text.loss, example.textLoss, relative: 1e-5))
      #expect(isClose(text.norm, example.textNorm, relative: 2e-5))
    }
  }

  @Test("losses and norms of a soft prompt")
  func prompt() throws {
    for example in examples {
      let found = try pass(
        SoftRows(count: 3, after: 0, role: .prompt), theta: rows(3, k: 233),
        ids: example.prompt.ids)
      #expect(isClose(found.loss, example.prompt.loss, relative: 1e-5))
      #expect(isClose(found.norm, example.prompt.gradientNorm, relative: 2e-5))
      #expect(isClose(norm(found.gradient), example.prompt.gradientNorm, relative: 2e-5))
    }
  }

  @Test("rows begin as words of the model, or as the mean of all")
  func start() throws {
    let model = try TransformerGolden.bert()
    let base = model.initialParameters(seed: 4)
    let table = try #require(model.slot("embeddings.word_embeddings.weight"))
    let words = (0..<50).map {
      Array(base[(table.offset + $0 * 16)..<(table.offset + $0 * 16 + 16)])
    }
    let shorter = try Architecture.bert(
      BERTConfiguration(
        vocabularySize: 50, width: 16, blocks: 2, heads: 4, innerWidth: 24, positions: 12),
      maximumTokens: 9, classes: 3)
    let plan = try TrainingPlan(
      architecture: shorter,
      adapter: SoftRowsAdapter(SoftRows(count: 3, after: 0, role: .prompt)))
    let theta = plan.initialTrainable(base: base, seed: 4)
    #expect(theta.count == 48)
    for row in 0..<3 { #expect(words.contains(Array(theta[row * 16..<row * 16 + 16]))) }
    #expect(theta == plan.initialTrainable(base: base, seed: 4))
    #expect(theta != plan.initialTrainable(base: base, seed: 5))
  }

  @Test("models without room, of numbers or of labels are refused in a sentence")
  func refusals() throws {
    func trouble(_ model: Architecture, _ rows: SoftRows, saved: [String] = []) -> String {
      do {
        _ = try TrainingPlan(
          architecture: model, adapter: SoftRowsAdapter(rows, modulesToSave: saved))
        return ""
      } catch {
        return error.description
      }
    }
    let prompt = SoftRows(count: 1, after: 0, role: .prompt)
    let bert = try TransformerGolden.bert()
    #expect(trouble(bert, prompt).contains("need 13 positions, the model has 12"))
    #expect(trouble(.logistic(inputs: 3, classes: 2), prompt).contains("a logistic takes numbers"))
    let words = SoftRows(count: 1, after: 0, role: .tokens(predicted: true))
    #expect(trouble(bert, words).contains("use \"prompt\""))
    let gpt = try Architecture.gpt(
      GPT2Configuration(
        vocabularySize: 9, width: 8, blocks: 1, heads: 2, innerWidth: 8, positions: 9),
      maximumTokens: 8)
    #expect(trouble(gpt, words).isEmpty)
    #expect(trouble(gpt, words, saved: ["wte"]).contains("leave it out"))
  }

  @Test("a text at another first position is what positions say")
  func firstPosition() throws {
    let model = try TransformerGolden.gpt()
    let plan = try TrainingPlan(architecture: model)
    var base = model.initialParameters(seed: 2)
    let network = Network(plan: plan, tile: 4, rows: 32)
    network.load(frozen: FrozenParameters(base: base, factors: []))
    network.load(trainable: base)
    let text = Texts(tokens: [[4, 9, 1, 17]], labels: [0])
    network.firstPosition = 3
    var moved = [Float](repeating: 0, count: base.count)
    let loss = network.addClippedSum(of: text, at: [0], clipping: .none, to: &moved).loss
    // The same with the table's rows moved instead.
    network.firstPosition = 0
    let places = try #require(model.slot("wpe.weight"))
    let table = Array(base[places.range])
    base.replaceSubrange(places.offset..<places.offset + 4 * 16, with: table[48..<48 + 64])
    network.load(trainable: base)
    var plain = [Float](repeating: 0, count: base.count)
    #expect(network.addClippedSum(of: text, at: [0], clipping: .none, to: &plain).loss == loss)
    #expect(
      moved[places.offset + 48..<places.offset + 112]
        .elementsEqual(plain[places.offset..<places.offset + 64]))
    #expect(moved[places.offset..<places.offset + 48].allSatisfy { $0 == 0 })
  }
}
