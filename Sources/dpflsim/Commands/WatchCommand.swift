// `dpflsim watch [RUN]`

import ArgumentParser
import Foundation
import Presentation
import Store

struct WatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Show a run or a sweep in a browser while it goes on.",
    discussion: """
      Serves one page on this machine alone, with the charts of the report, and prints its address, which \
      only those who see it can open. The page can be read and nothing else; it asks no other machine for \
      anything. Ctrl-C ends it.

      dpflsim watch
      dpflsim watch sweep --port 8080
      """)

  @Argument(
    help: ArgumentHelp(
      "A run or the beginning of its name; latest, the run that began last; or sweep, all runs of its scenario.",
      valueName: "run"))
  var name = "latest"

  @Option(help: "The port; 0 takes a free one.")
  var port: UInt16 = 0

  @OptionGroup var store: StoreOptions

  func run() async throws {
    let store = try store.openExisting()
    let subject: WatchPage.Subject =
      switch name {
      case "latest": .latest
      case "sweep": .sweep
      default: .run(try store.run(named: name).runID)
      }
    let runtime = ChartRuntime(file: Places().chartRuntime)
    if runtime == nil {
      Terminal.complain(
        "\(Places().chartRuntime.path): there is no Vega runtime, so the page has tables and no charts; "
          + "tools/setup installs it")
    }
    let server: WatchServer
    do {
      server = try WatchServer(WatchPage(subject, in: store, runtime: runtime), port: port)
      SignalWatch().start { Task { await server.stop() } }
      try await server.run { address in
        try Terminal.write("\(address)\n")
        Terminal.report("Open this address in a browser of this machine; Ctrl-C ends it.\n")
      }
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure(
        .cannotWrite,
        "--port \(port): cannot be served (\(StoreError.reason(of: error))); name another port, or none"
      )
    }
  }
}
