// The charts of one run: accuracy over rounds, the clients in the plane of their first updates, and the
// final accuracy of every client.

import Federation

/// One run with what the charts need.
struct RunCharts {
  let result: RunResult
  let clusterRounds: [ClusterRoundRecord]

  /// Accuracy of every true cluster over the rounds, with the switch round.
  var rounds: Chart {
    let last = clusterRounds.map(\.round).max() ?? 1
    let series = result.clusters.enumerated().map { index, cluster in
      ChartSeries(
        name: label(index),
        points: clusterRounds.filter { $0.cluster == index }.compactMap { record in
          record.testAccuracy.map {
            ChartSeries.Point(
              x: Double(record.round), y: $0,
              title: "\(cluster.name), round \(record.round): \(NumberText.percent($0))")
          }
        }, style: index)
    }
    let step = max(1, last / 10)
    return Chart(
      title: "Accuracy over rounds", xName: "round", yName: "accuracy, %",
      ticks: stride(from: step, through: last, by: step).map {
        Chart.Tick(x: Double($0), label: "\($0)")
      }, series: series,
      rule: result.clustering?.switchRound.map { (Double($0), "assignments fixed after \($0)") })
  }

  /// The first two coordinates of the clients' first updates: the colour is the true cluster, the shape
  /// the model that the client ended with. Nil for methods that do not cluster by updates.
  var clustering: Chart? {
    guard let projection = result.clustering?.projection, projection.count == result.clients.count,
      projection.allSatisfy({ $0.count >= 1 }), !projection.isEmpty
    else { return nil }
    let series = result.clusters.indices.map { index in
      ChartSeries(
        name: label(index),
        points: result.clients.filter { $0.cluster == index }.compactMap { client in
          guard projection.indices.contains(client.client) else { return nil }
          let place = projection[client.client]
          return ChartSeries.Point(
            x: place[0], y: place.count > 1 ? place[1] : 0,
            title: "client \(client.client), \(result.clusters[index].name), model \(client.model)",
            shape: client.model)
        }, style: index, isConnected: false)
    }
    return Chart(
      title: "Clients in the plane of their first updates", xName: "first component",
      yName: "second component", ticks: [], series: series,
      yText: { NumberText.decimal($0, 1) })
  }

  /// Every client's final accuracy.
  var clients: Chart {
    let series = result.clusters.indices.map { index in
      ChartSeries(
        name: label(index),
        points: result.clients.filter { $0.cluster == index }.map { client in
          ChartSeries.Point(
            x: Double(client.client), y: client.accuracy,
            title: "client \(client.client): \(NumberText.percent(client.accuracy)), ε "
              + NumberText.epsilon(client.epsilon))
        }, style: index, isConnected: false)
    }
    let step = max(1, result.clients.count / 10)
    return Chart(
      title: "Final accuracy of every client", xName: "client", yName: "accuracy, %",
      ticks: stride(from: 0, to: result.clients.count, by: step).map {
        Chart.Tick(x: Double($0), label: "\($0)")
      }, series: series)
  }

  private func label(_ index: Int) -> String {
    let cluster = result.clusters[index]
    return cluster.name + (cluster.minority ? " (minority)" : "")
  }
}
