// Composition of privacy losses by one Fourier transform for both directions, and epsilon from the result.
//
// Koskela, Jälkö, Honkela (2020) for the transform; Chernoff windows and the saddle-point tilt keep it short
// and precise down to δ far below the rounding of a double.

import Kernels

/// The composed losses of a run, both directions.
struct LossComposition {
  let losses: [DirectedLoss]
  let step: Double
  let estimate: LossEstimate
  /// 1/√variance of the composed loss, roughly: where searches for exponents start.
  let scale: Double

  static let largestTransform = 1 << 22

  /// - Parameters:
  ///   - remove, add: the same releases in the two directions, in the same order.
  ///   - variance: a rough variance of the composed loss.
  init(
    remove: DirectedLoss, add: DirectedLoss, estimate: LossEstimate, variance: Double
  ) {
    losses = [remove, add]
    step = remove.step
    self.estimate = estimate
    scale = 1 / variance.squareRoot()
  }

  /// The smallest ε with δ(ε) ≤ a delta for removing and for adding, and the saddle point of the larger one.
  struct Answer {
    var remove: Double
    var add: Double
    var tilt: Double
    /// Grid points that the composed losses needed at the saddle point.
    var cells: Double
  }

  /// Nil if the grid is too fine for the memory; infinite where numbers ran out of range, so that nothing is
  /// proved.
  func epsilons(delta: Double) -> Answer? {
    guard losses.allSatisfy(\.isWhole) else {
      return Answer(remove: .infinity, add: .infinity, tilt: 0, cells: 0)
    }
    var tilts = losses.map {
      $0.saddlePoint(delta: delta, guess: scale * (-2 * Elementary.log(delta)).squareRoot())
    }
    var best = [Double.infinity, .infinity]
    let saddles = tilts
    var cells = 0.0
    func answer() -> Answer {
      Answer(
        remove: best[0], add: best[1], tilt: best[0] >= best[1] ? saddles[0] : saddles[1],
        cells: cells)
    }
    // Every answer is a bound; a blurred one is tried again with less tilt, in the end with none.
    var isSharp = [false, false]
    for attempt in 0..<4 {
      for index in tilts.indices where attempt > 0 && !isSharp[index] {
        tilts[index] = attempt < 3 ? tilts[index] / 4 : 0
      }
      let windows = zip(losses, tilts).map { loss, tilt in
        loss.window(tilt: tilt, margin: 26, guess: scale * 9)
      }
      let width = windows.map { $0.last - $0.first + 1 }.max() ?? 1
      if attempt == 0 { cells = width }
      guard width.isFinite else { return answer() }
      guard width <= Double(Self.largestTransform) else { return nil }
      guard zip(losses, windows).allSatisfy({ $1.holds(mean: $0.mean(tilt: $1.tilt)) }) else {
        return answer()
      }
      let composed = transform(
        windows: windows, width: Int(width), wanted: isSharp.map { !$0 })
      for index in losses.indices where !isSharp[index] {
        let answer = epsilon(
          direction: index, composed: composed.law, noise: composed.noise, window: windows[index],
          delta: delta)
        best[index] = min(best[index], answer.epsilon)
        isSharp[index] = answer.isSharp
      }
      if isSharp[0] && isSharp[1] { break }
    }
    return answer()
  }
}

// MARK: - Epsilon

extension LossComposition {
  /// Walks down from the largest loss until the hockey stick Σ_{l>ε}(1 − e^{ε−l})p reaches δ.
  ///
  /// Not sharp if the window ends before that, or if the allowance for rounding is a noticeable part of δ.
  private func epsilon(
    direction: Int, composed: ComplexVector, noise: Double, window: LossWindow, delta: Double
  ) -> (epsilon: Double, isSharp: Bool) {
    let count = composed.count
    let isPessimistic = estimate == .pessimistic
    var probability =
      isPessimistic ? losses[direction].infinite + window.massAbove : 0
    guard probability <= delta else { return (.infinity, false) }
    let allowance = isPessimistic ? noise : 0
    var allowed = 0.0
    let values = direction == 0 ? composed.real : composed.imaginary
    let decay = Elementary.exp(-step)
    // Σ p e^{−(l − current)}, kept relative to the current loss so that e^{−l} cannot underflow.
    var weighted = 0.0
    let lowest = Int(window.first)
    for cell in stride(from: Int(window.last), through: lowest, by: -1) {
      let loss = Double(cell) * step
      let position = cell & (count - 1)
      let value = values[position >> 2][position & 3] / Double(count)
      let untilt = Elementary.exp(window.logMoment - window.tilt * loss)
      let mass = max(0, value) * untilt
      allowed += allowance * untilt
      probability += mass + allowance * untilt
      weighted += mass
      // δ at the next lower grid point; the root lies in between once this passes the target.
      if probability - weighted * decay > delta {
        // Where the allowance alone exceeds δ, no ε below this loss can be proved.
        let shift = weighted > 0 ? Elementary.log((probability - delta) / weighted) : 0
        return (max(0, loss + min(0, shift)), allowed <= 1e-5 * delta)
      }
      if loss <= 0 { return (0, true) }
      weighted *= decay
    }
    return (max(0, Double(lowest) * step), window.first <= losses[direction].support.first)
  }
}
