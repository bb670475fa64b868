// A server for one page on the loopback interface: reading alone, for those who have its address.

import FlyingFox
import FlyingSocks
import Foundation
import Presentation
import Scenarios
import Store

/// Serves a `WatchPage` at `http://127.0.0.1:PORT/TOKEN/`.
struct WatchServer: Sendable {
  private let page: WatchPage
  private let server: HTTPServer
  private let token: String

  /// - Parameter port: 0 takes one that is free.
  /// - Throws: whatever the address cannot be made for.
  init(_ page: WatchPage, port: UInt16) throws {
    self.page = page
    var generator = SystemRandomNumberGenerator()
    token = (0..<2).map { _ in String(format: "%016llx", generator.next() as UInt64) }.joined()
    server = HTTPServer(
      config: HTTPServer.Configuration(
        address: try sockaddr_in.inet(ip4: "127.0.0.1", port: port), logger: .disabled))
  }

  /// Serves until `stop`.
  ///
  /// - Parameter ready: called with the page's address as soon as it can be opened.
  func run(ready: @escaping @Sendable (String) throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await server.waitUntilListening()
        guard case .ip4(_, let port)? = await server.listeningAddress else { return }
        let hosts = ["127.0.0.1:\(port)", "localhost:\(port)"]
        await server.appendRoute("*") { request in answer(request, hosts: hosts) }
        try ready("http://127.0.0.1:\(port)/\(token)/")
      }
      group.addTask {
        do {
          try await server.run()
        } catch is CancellationError {
          return
        } catch SocketError.disconnected {
          // The socket was closed by `stop`.
          return
        }
      }
      try await group.waitForAll()
    }
  }

  func stop() async { await server.stop() }

  // MARK: - Answers

  /// Another site's page can neither name this host as its own nor hide where it comes from, and a page that has been
  /// rebound to this address by its name server says its own name in Host.
  private func answer(_ request: HTTPRequest, hosts: [String]) -> HTTPResponse {
    guard let host = request.headers[.host], hosts.contains(host.lowercased()) else {
      return refusal(.forbidden, "this host is not served here")
    }
    if let origin = request.headers[HTTPHeader("Origin")],
      !hosts.contains(where: { origin.lowercased() == "http://\($0)" })
    {
      return refusal(.forbidden, "other sites may not ask")
    }
    guard request.method == .GET || request.method == .HEAD else {
      return refusal(.methodNotAllowed, "this page can only be read")
    }
    switch request.path {
    case "/\(token)", "/\(token)/": return response(.ok, "text/html; charset=utf-8", page.html)
    case "/\(token)/state":
      do {
        let settings = request.query["settings"].flatMap { Int($0) } ?? 0
        return response(.ok, "application/json", try page.state(settings: settings).text)
      } catch {
        return refusal(.internalServerError, error.description)
      }
    default: return refusal(.notFound, "there is nothing here")
    }
  }

  private func refusal(_ status: HTTPStatusCode, _ reason: String) -> HTTPResponse {
    response(status, "text/plain; charset=utf-8", reason + "\n")
  }

  private func response(
    _ status: HTTPStatusCode, _ type: String, _ text: String
  ) -> HTTPResponse {
    HTTPResponse(
      statusCode: status,
      headers: [
        .contentType: type, .cacheControl: "no-store",
        HTTPHeader("Content-Security-Policy"): WatchPage.policy,
        HTTPHeader("X-Content-Type-Options"): "nosniff",
        HTTPHeader("Referrer-Policy"): "no-referrer",
        HTTPHeader("Cross-Origin-Resource-Policy"): "same-origin",
      ], body: Data(text.utf8))
  }
}
