// The table of clients that have names, such as hospitals: whom a reader asks for first.

import Clustering
import Federation
import Formatting

extension RunSections {
  /// More clients than this are cut to the worst off.
  private static let mostClients = 24
  private static let worstShown = 10

  /// Each named client with its figures, the worst off first where there are many; nil without names.
  func namedClients() -> [String]? {
    guard let clientNames, result.clients.count > 1 else { return nil }
    let isCut = result.clients.count > Self.mostClients
    let shown =
      isCut
      ? Array(
        result.clients.sorted { ($0.accuracy, $0.client) < ($1.accuracy, $1.client) }
          .prefix(Self.worstShown)) : result.clients
    let hasClusters = result.clusters.count > 1
    let hasModels = Set(result.clients.map(\.model)).count > 1
    let hasScores = result.clients.contains { $0.scores != nil }
    var table = TextTable(
      [("client", .left)] + (hasClusters ? [("true cluster", .left)] : [])
        + (hasModels ? [("model", .right)] : [])
        + [("train", .right), ("test", .right), ("accuracy", .right), ("loss", .right)]
        + (hasScores ? [("AUC", .right)] : []))
    let lowest = result.clients.map(\.accuracy).min()
    for client in shown {
      let name = clientNames.indices.contains(client.client) ? clientNames[client.client] : ""
      var cells = [TextTable.Cell(name.printable)]
      if hasClusters { cells.append(TextTable.Cell(result.clusters[client.cluster].name)) }
      if hasModels { cells.append("\(client.model)") }
      cells += [
        "\(NumberText.grouped(client.trainExamples))", "\(NumberText.grouped(client.testExamples))",
        TextTable.Cell(
          NumberText.percent(client.accuracy), client.accuracy == lowest ? .bad : .plain),
        "\(NumberText.decimal(client.loss, 3))",
      ]
      if hasScores { cells.append("\(NumberText.decimal(client.scores?.auc, 3))") }
      table.add(cells)
    }
    let rest =
      isCut
      ? ["  and \(result.clients.count - shown.count) that are better off; --format json has all."]
      : []
    return [heading(isCut ? "Worst-off clients" : "Clients")] + table.lines(colors: colors) + rest
  }

  /// "worst client 23.1 % (Mitte)".
  func worstClient() -> String {
    guard let worst = result.clients.min(by: { $0.accuracy < $1.accuracy }) else { return "" }
    let name = clientNames == nil ? "" : " (\(list([worst.client])))"
    return "worst client \(NumberText.percent(worst.accuracy))\(name)"
  }
}
