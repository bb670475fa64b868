// Models that answer together: their probabilities are those of the single models in their shares.

import Kernels
import Learning
import Testing

/// What an evaluation says of every example.
private struct Answers: Equatable {
  var losses: [Double]
  var predictions: [Int: Int] = [:]
  var margins: [Int: Float] = [:]
  var statistics = BatchStatistics()

  init<Source: ExampleSource>(
    _ network: Network, _ source: Source, _ theta: [Float], mixing mixture: ModelMixture? = nil
  ) {
    var losses = [Double](repeating: 0, count: source.count)
    var (predictions, margins): ([Int: Int], [Int: Float]) = ([:], [:])
    network.load(trainable: theta)
    statistics = network.evaluate(
      source, mixing: mixture,
      observe: {
        predictions[$0.position] = $0.predicted
        margins[$0.position] = $0.margin
      }, lossObserver: { losses[$0] = $1 })
    (self.losses, self.predictions, self.margins) = (losses, predictions, margins)
  }
}

@Suite("Mixtures of models")
struct ModelMixtureTests {
  private let shares = [0.5, 0.2, 0.3]

  /// Of the true class, by the losses of the single models.
  private func probability(of example: Int, _ alone: [Answers]) -> Double {
    zip(shares, alone).reduce(0) { $0 + $1.0 * Elementary.exp(-$1.1.losses[example]) }
  }

  @Test("the true class has the models' probabilities in their shares", arguments: try Case.all())
  func losses(_ test: Case) {
    let source = test.examples(23, seed: 6)
    let (network, theta) = test.prepared(seed: 3)
    let models = [1, -0.5, 2].map { (scale: Float) in theta.map { $0 * scale } }
    let alone = models.map { Answers(network, source, $0) }
    let mixture = ModelMixture(models: models, shares: shares)
    let together = Answers(network, source, theta, mixing: mixture)
    for example in 0..<source.count {
      let expected = -Elementary.log(probability(of: example, alone))
      #expect(abs(together.losses[example] - expected) < 1e-4 * max(1, expected))
    }
    let hits = (0..<source.count).count {
      together.predictions[$0] == source.label(at: $0)
    }
    #expect(Double(hits) == together.statistics.correct)

    // On several workers the bits are the same, and a model with all of the share answers alone.
    let idle = IdleWorkers()
    idle.add(2)
    network.idleWorkers = idle
    #expect(Answers(network, source, theta, mixing: mixture) == together)
    network.idleWorkers = nil
    let whole = ModelMixture(models: models, shares: [0, 1, 0])
    let one = Answers(network, source, theta, mixing: whole)
    #expect(one.predictions == alone[1].predictions)
  }

  @Test("of two classes the more probable one is predicted, by the margin of the logarithms")
  func predictions() throws {
    let test = Case(
      name: "two", plan: try TrainingPlan(architecture: .logistic(inputs: 6, classes: 2)))
    let source = test.examples(60, seed: 4)
    let (network, theta) = test.prepared(seed: 2)
    let models = [3, -2, 0.5].map { (scale: Float) in theta.map { $0 * scale } }
    let alone = models.map { Answers(network, source, $0) }
    let together = Answers(
      network, source, theta, mixing: ModelMixture(models: models, shares: shares))
    var predicted: Set<Int> = []
    for example in 0..<source.count {
      let own = probability(of: example, alone)
      let first = source.label(at: example) == 1 ? own : 1 - own
      let margin = try #require(together.margins[example])
      #expect(together.predictions[example] == (first > 0.5 ? 1 : 0))
      #expect(abs(Double(margin) - Elementary.log(first / (1 - first))) < 1e-3)
      predicted.insert(together.predictions[example] ?? -1)
    }
    #expect(predicted == [0, 1])
  }

  @Test("every token of a text is predicted by all models", arguments: try TokenCase.all())
  func tokens(_ test: TokenCase) {
    let texts = test.texts()
    let (network, theta) = test.prepared()
    let alone = Answers(network, texts, theta)
    let same = Answers(
      network, texts, theta, mixing: ModelMixture(models: [theta, theta], shares: [0.25, 0.75]))
    #expect(same.statistics.correct == alone.statistics.correct)
    #expect(zip(same.losses, alone.losses).allSatisfy { abs($0 - $1) < 1e-4 * max(1, $1) })
    // By the concavity of the logarithm two models lose no more than they do on average.
    let other = theta.map { $0 * 0.5 }
    let second = Answers(network, texts, other)
    let mixed = Answers(
      network, texts, theta, mixing: ModelMixture(models: [theta, other], shares: [0.5, 0.5]))
    for (loss, pair) in zip(mixed.losses, zip(alone.losses, second.losses)) {
      #expect(loss <= (pair.0 + pair.1) / 2 + 1e-4)
    }
  }

  @Test("a model that is not finite says nothing")
  func notFinite() throws {
    let test = Case(
      name: "three", plan: try TrainingPlan(architecture: .logistic(inputs: 6, classes: 3)))
    let source = test.examples(20, seed: 4)
    let (network, theta) = test.prepared(seed: 2)
    let broken = theta.map { _ in Float.infinity }
    let alone = Answers(network, source, theta)
    let mixed = Answers(
      network, source, theta, mixing: ModelMixture(models: [broken, theta], shares: [0.4, 0.6]))
    // Its probabilities are 0.6 in all, and those of the other one once they are made 1.
    #expect(zip(mixed.losses, alone.losses).allSatisfy { abs($0 - $1) < 1e-4 * max(1, $1) })
    #expect(mixed.predictions == alone.predictions)
    let none = Answers(
      network, source, theta, mixing: ModelMixture(models: [broken], shares: [1]))
    #expect(none.losses.allSatisfy(\.isNaN) && none.statistics.correct == 0)
  }
}
