// The colours of the report: one palette for methods, another for clusters, so that a colour means one thing in
// every chart. Each colour has a contrast of 4.5 to 1 and more on the page by day, its twin on the page by night
// (WCAG 2.2, success criterion 1.4.3).

import Analysis
package import Federation
import Scenarios

/// Colours of series by name, as specifications hold them; the page's script takes their twins in the dark.
package struct Palette: Sendable, Hashable {
  /// A colour by day and by night, as `#rrggbb`.
  package struct Tone: Sendable, Hashable {
    package let light: String
    package let dark: String
  }

  package static let methodTones: [Tone] = [
    Tone(light: "#1b5fb4", dark: "#6fa8f5"), Tone(light: "#b3400e", dark: "#ff9a66"),
    Tone(light: "#146c43", dark: "#57cf97"), Tone(light: "#7a3fb0", dark: "#c6a0fb"),
    Tone(light: "#6e5a00", dark: "#dcc04a"), Tone(light: "#5a6270", dark: "#b3bbc7"),
    Tone(light: "#0b6b80", dark: "#4fcade"), Tone(light: "#ad2a72", dark: "#fa8cc2"),
  ]
  package static let clusterTones: [Tone] = [
    Tone(light: "#c2185b", dark: "#ff86ae"), Tone(light: "#00716b", dark: "#3fd2c7"),
    Tone(light: "#8a5300", dark: "#efb052"), Tone(light: "#4338ca", dark: "#a6a9ff"),
    Tone(light: "#4a7309", dark: "#a3d264"), Tone(light: "#86198f", dark: "#e39af0"),
    Tone(light: "#46586f", dark: "#a7b9d0"), Tone(light: "#93331b", dark: "#ffab90"),
  ]

  /// What lies under the charts.
  package static let paper = Tone(light: "#ffffff", dark: "#15171b")

  private let tones: [String: Tone]

  /// The colours of methods.
  ///
  /// - Parameter methods: what a series is called, and the method that it is of. A second series of one method
  ///   takes a colour that no other has, as long as there are any.
  package init(methods: [(label: String, method: String)]) {
    var taken: [String: Int] = [:]
    for (label, method) in methods {
      guard let place = Comparison.referenceMethods.firstIndex(of: method),
        !taken.values.contains(place)
      else { continue }
      taken[label] = place
    }
    for (label, _) in methods where taken[label] == nil {
      let all = Self.methodTones.indices
      taken[label] = all.reversed().first { !taken.values.contains($0) } ?? taken.count % all.count
    }
    tones = taken.mapValues { Self.methodTones[$0] }
  }

  /// The colours of clusters, in the scenario's order.
  package init(clusters names: [String]) {
    tones = Dictionary(
      names.enumerated().map {
        ($0.element, Self.clusterTones[$0.offset % Self.clusterTones.count])
      }
    ) { first, _ in first }
  }

  /// The colours of found models: each that of the true cluster from which most of its clients come.
  ///
  /// - Parameters:
  ///   - name: of a model by its number.
  ///   - clusters: names of the true clusters, which have the colours of `Palette(clusters:)`.
  package init(
    models clients: [ClientResult], name: (Int) -> String, clusters names: [String]
  ) {
    let clusters = Palette(clusters: names)
    var tones: [String: Tone] = [:]
    for (model, members) in Dictionary(grouping: clients, by: \.model) {
      let counts = Dictionary(grouping: members, by: \.cluster).mapValues(\.count)
      // Of equally many clients the cluster that the scenario names first.
      let most = counts.max { ($0.value, -$0.key) < ($1.value, -$1.key) }
      if let most, names.indices.contains(most.key) {
        tones[name(model)] = clusters.tones[names[most.key]]
      }
    }
    self.tones = tones
  }

  /// The colour of a series by day; grey for one that the palette does not know.
  package func color(_ name: String) -> String { tones[name]?.light ?? "#5a6270" }

  /// For the page's script: every colour by day with its twin.
  static var twins: JSONValue {
    .object(
      Dictionary(
        (methodTones + clusterTones).map { ($0.light, .string($0.dark)) }
      ) { first, _ in first })
  }
}
