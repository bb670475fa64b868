// The charts that compare cells: the frontier over ε and the price of privacy for each cluster.

import Clustering
import Federation
import Foundation

extension Comparison {
  /// Worst-cluster accuracy over ε, a line a method, with bootstrap bands. No privacy stands at the
  /// right end.
  func frontierChart(settings: String) -> Chart {
    let places = epsilonPlaces
    let series = methods.enumerated().compactMap { index, method -> ChartSeries? in
      let points = cells.filter { $0.settings == settings && $0.method == method }
        .compactMap { cell -> ChartSeries.Point? in
          let estimate = cell.estimate(.worstClusterAccuracy)
          guard let mean = estimate.mean, let x = places[cell.epsilon] else { return nil }
          var point = ChartSeries.Point(
            x: x, y: mean,
            title: "\(method), ε \(cell.epsilon.label): \(Self.interval(estimate)) %, n "
              + "\(estimate.count)")
          if let low = estimate.lower, let high = estimate.upper { point.band = (low, high) }
          return point
        }
      return points.isEmpty ? nil : ChartSeries(name: method, points: points, style: index)
    }
    return Chart(
      title: "Worst-cluster accuracy over ε", xName: "ε", yName: "accuracy of the worst cluster, %",
      ticks: places.map { Chart.Tick(x: $0.value, label: $0.key.label) }.sorted { $0.x < $1.x },
      series: series)
  }

  /// Points of accuracy that privacy costs each true cluster, a line a method and cluster.
  func priceChart(settings: String, method: String) -> Chart {
    let places = epsilonPlaces
    let here = cells.filter {
      $0.settings == settings && $0.method == method && !$0.epsilon.isNone
    }
    let clusters = here.first?.clusters ?? []
    let series = clusters.enumerated().map { index, cluster in
      ChartSeries(
        name: cluster.name + (cluster.minority ? " (minority)" : ""),
        points: here.compactMap { cell in
          guard let x = places[cell.epsilon],
            let estimate = priceOfPrivacy(cell)?.cost.clusters[index], let mean = estimate.mean
          else { return nil }
          var point = ChartSeries.Point(
            x: x, y: mean,
            title: "\(cluster.name), ε \(cell.epsilon.label): \(Self.interval(estimate)) points")
          if let low = estimate.lower, let high = estimate.upper { point.band = (low, high) }
          return point
        }, style: index)
    }
    return Chart(
      title: "Price of privacy of \(method)", xName: "ε", yName: "points of accuracy lost",
      ticks: here.compactMap { cell in
        places[cell.epsilon].map { Chart.Tick(x: $0, label: cell.epsilon.label) }
      }, series: series, yText: { NumberText.decimal(100 * $0, 1) })
  }

  /// log₂ ε; no privacy one step beyond the largest.
  private var epsilonPlaces: [EpsilonTarget: Double] {
    let finite = epsilons.filter(\.high.isFinite)
    let end = (finite.last.map { log2($0.high) } ?? 0) + 1
    return epsilons.reduce(into: [:]) {
      $0[$1] = $1.high.isFinite ? log2($1.high) : end
    }
  }
}
