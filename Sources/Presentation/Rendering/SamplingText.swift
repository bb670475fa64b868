// How clients or batches are drawn, and what noise runs share, in words.

import Federation
import Scenarios

/// Words for the values of `sampling` in results.
enum SamplingText {
  static func phrase(_ sampling: String) -> String {
    sampling == Scenario.Privacy.cyclic ? "clients in turns, without sampling" : "Poisson sampling"
  }

  /// The same at the beginning of a sentence.
  static func sentence(_ sampling: String) -> String {
    let phrase = phrase(sampling)
    return phrase.prefix(1).uppercased() + phrase.dropFirst()
  }
}

/// What must be known before a model, or a second run, is published.
enum SharedNoise {
  static func sentence(of result: RunResult) -> String {
    "Noise comes from the seed: whoever knows it takes the noise off again, and two runs of one seed that are published "
      + "together have no ε together. "
      + (result.hasMixtures
        ? "The method takes no other noise, so that its models protect nobody once they leave your hands."
        : "What leaves your hands needs privacy.noise \"hardened\".")
  }
}
