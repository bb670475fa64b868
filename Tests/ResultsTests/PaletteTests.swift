// Colours and scales of the report: contrast by WCAG's formula, one meaning for each colour, outliers at the edge.

import Analysis
import Federation
import Formatting
import Foundation
import Presentation
import Store
import Testing

@Suite("Palettes and scales")
struct PaletteTests {
  /// Relative luminance of `#rrggbb` (WCAG 2.2).
  private func luminance(_ color: String) throws -> Double {
    let value = try #require(Int(color.dropFirst(), radix: 16))
    let linear = [16, 8, 0].map { shift -> Double in
      let share = Double((value >> shift) & 255) / 255
      return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
    }
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
  }

  private func contrast(_ first: String, _ second: String) throws -> Double {
    let (a, b) = (try luminance(first), try luminance(second))
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)
  }

  @Test("every colour has 4.5 to 1 by day and by night, and means one thing")
  func contrasts() throws {
    #expect(abs(try contrast("#000000", "#ffffff") - 21) < 1e-9)
    let tones = Palette.methodTones + Palette.clusterTones
    for tone in tones {
      #expect(try contrast(tone.light, Palette.paper.light) >= 4.5, "\(tone)")
      #expect(try contrast(tone.dark, Palette.paper.dark) >= 4.5, "\(tone)")
    }
    #expect(Set(tones.map(\.light)).count == 16 && Set(tones.map(\.dark)).count == 16)
  }

  @Test("a method keeps its colour whoever else is there, and no two series share one")
  func methods() {
    let alone = Palette(methods: [("ifca", "ifca")])
    let labels = ["r-dpcfl", "ifca clusters=2", "ifca clusters=3", "oracle", "new"]
    let all = Palette(
      methods: zip(labels, ["r-dpcfl", "ifca", "ifca", "oracle", "new"]).map { ($0, $1) })
    #expect(all.color("ifca clusters=2") == alone.color("ifca"))
    #expect(Set(labels.map(all.color)).count == 5)
  }

  @Test("a found model has the colour of the cluster that most of its clients come from")
  func models() throws {
    let result = try Grid.result("r-dpcfl", 1, 0)
    let clusters = Palette(clusters: ["few", "many"])
    func palette(_ models: [Int]) -> Palette {
      Palette(
        models: zip(result.clients, models).map { client, model in
          ClientResult(
            client: client.client, cluster: client.cluster, model: model, trainExamples: 1,
            testExamples: 1, accuracy: 1, loss: 0, epsilon: nil, delta: 0, targetEpsilon: nil,
            noiseMultiplier: nil, firstRoundNoiseMultiplier: nil, accountant: nil,
            confusion: client.confusion)
        }, name: { "model \($0)" }, clusters: ["few", "many"])
    }
    // Clients 0 and 1 are few, the others many; the models' numbers are the other way round.
    let swapped = palette([1, 1, 0, 0, 0])
    #expect(swapped.color("model 1") == clusters.color("few"))
    #expect(swapped.color("model 0") == clusters.color("many"))
    let mixed = palette([0, 1, 1, 1, 0])
    #expect(mixed.color("model 1") == clusters.color("many"))
    // One of each: the cluster that the scenario names first.
    #expect(mixed.color("model 0") == clusters.color("few"))
  }

  @Test("one outlier does not squeeze a scale; without one everything is shown")
  func scales() {
    let values = [0.5, 1, 1.5, 2, 2.5, 3]
    let plain = RobustScale(values, least: 1)
    #expect(values.allSatisfy(plain.shows) && plain.high - plain.low < 3.5)
    let wild = RobustScale(values + [-40], least: 1)
    #expect(values.allSatisfy(wild.shows) && !wild.shows(-40) && wild.high - wild.low < 3.5)
    #expect(wild.clamped(-40) == wild.low && wild.clamped(2) == 2)
    // Equal values are no reason to leave out a neighbour.
    #expect(RobustScale([2, 2, 2, 2, 3], least: 1).shows(3))
    // An interval may widen the scale by its own span at most.
    let bars = RobustScale(values, intervals: [-1, 400], least: 1)
    #expect(bars.shows(-1) && !bars.shows(400))
    #expect(RobustScale([7], least: 1).shows(7))
  }
}
