// Persons whose rows are at several clients: each of those protects what it holds, and nobody all of it.

/// How many persons of a table train at more than one client.
public struct SharedPersons: Sendable, Hashable {
  /// With training rows at more than one client, of all with training rows.
  public let shared: Int
  public let all: Int
  /// Clients of the one who is at most of them.
  public let mostClients: Int

  /// Nil where the table does not say whose rows are whose, or nobody is at two clients.
  ///
  /// - Parameter rows: that clients train on.
  init?(_ rows: [TextRow], _ format: TableFormat, _ table: NamedRows) throws(DatasetError) {
    guard let person = try PersonColumn(format, table), let clientColumn = format.client else {
      return nil
    }
    let client = try table.position(clientColumn, key: "data.client_column")
    var clients: [Person: Set<String>] = [:]
    for row in rows { clients[person[row], default: []].insert(row.fields[client]) }
    shared = clients.values.count { $0.count > 1 }
    all = clients.count
    mostClients = clients.values.map(\.count).max() ?? 0
    guard shared > 0 else { return nil }
  }
}
