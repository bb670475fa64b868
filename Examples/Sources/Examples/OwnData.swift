// Data of your own: two moons, made when they are asked for. Whatever can say a label and write floats is a source.

import Foundation
import Learning

struct TwoMoons: ExampleSource {
  let count: Int

  func label(at position: Int) -> Int { position % 2 }

  func write(_ position: Int, into destination: inout MutableSpan<Float>) {
    let angle = Float.pi * Float(position / 2) / Float(max(count / 2 - 1, 1))
    let upper = label(at: position) == 0
    destination[0] = upper ? cos(angle) : 1 - cos(angle)
    destination[1] = upper ? sin(angle) : 0.5 - sin(angle)
  }
}
