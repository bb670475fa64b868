// The live page: open to its address alone, in a real browser while a run goes on, gone with Ctrl-C.

import Foundation
import Scenarios
import Testing

@Suite("Watching a run")
struct WatchTests {
  /// Asks with a host, an origin and a method of its own, a line of JSON for each answer.
  private static let client = """
    import http.client, json, sys, time
    port, token = int(sys.argv[1]), sys.argv[2]
    def ask(path, host=None, origin=None, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or f"127.0.0.1:{port}")
        if origin: connection.putheader("Origin", origin)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Security-Policy"), answer.read().decode()
    own = f"/{token}/"
    status, policy, page = ask(own)
    print(json.dumps({
        "page": status, "policy": policy, "outside": "http" in page.replace("http-equiv", ""),
        "local": ask(own, host=f"localhost:{port}")[0],
        "own": ask(own + "state", origin=f"http://127.0.0.1:{port}")[0],
        "root": ask("/")[0], "guess": ask("/" + "0" * 32 + "/")[0],
        "rebound": ask(own, host="evil.example")[0], "bare": ask(own, host="127.0.0.1")[0],
        "foreign": ask(own + "state", origin="https://evil.example")[0],
        "null": ask(own + "state", origin="null")[0], "post": ask(own, method="POST")[0],
    }))
    first = json.loads(ask(own + "state")[2])
    for _ in range(100):
        time.sleep(0.1)
        second = json.loads(ask(own + "state")[2])
        if second["status"] != first["status"]: break
    print(json.dumps({"first": first["status"], "second": second["status"]}))
    """

  /// Waits until a file has a line, and gives it.
  private func line(in file: URL) throws -> String {
    for _ in 0..<200 {
      let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
      if let end = text.firstIndex(of: "\n") { return String(text[..<end]) }
      Program.pause(50)
    }
    Issue.record("\(file.lastPathComponent) stayed empty")
    return ""
  }

  @Test(
    "a run goes on: the page shows it, follows its rounds, keeps others out, and stops with a signal"
  )
  func running() async throws {
    try await Program.inFolder { program in
      let run = try program.start(
        [
          "run", Program.shipped("tiny.json"), "--set", "rounds=100000", "--set",
          "privacy.target_epsilon=null", "--set", "evaluation.every=5", "--quiet",
        ], output: "run")
      defer { if run.isRunning { run.terminate() } }
      for _ in 0..<200 where !FileManager.default.fileExists(atPath: program.store.path) {
        Program.pause(50)
      }
      Program.pause(300)
      let watch = try program.start(
        ["watch"], output: "address", environment: ["DPFLSIM_VEGA": BrowserTests.runtime.path])
      defer { if watch.isRunning { watch.terminate() } }
      let address = try line(in: program.folder.appendingPathComponent("address"))
      let page = try #require(URL(string: address))
      let token = page.lastPathComponent
      #expect(page.host == "127.0.0.1" && token.count == 32 && token.allSatisfy(\.isHexDigit))

      let client = try program.write(Self.client, to: "client.py")
      let answers = Process()
      answers.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      answers.arguments = ["python3", client, "\(try #require(page.port))", token]
      let pipe = Pipe()
      answers.standardOutput = pipe
      try answers.run()
      let lines = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        .split(separator: "\n").map { try? JSONValue(parsing: Data($0.utf8)) }
      answers.waitUntilExit()
      try #require(lines.count == 2)
      let statuses = try #require(lines[0])
      for name in ["page", "local", "own"] { #expect(statuses[name] == 200, "\(name)") }
      for name in ["root", "guess"] { #expect(statuses[name] == 404, "\(name)") }
      for name in ["rebound", "bare", "foreign", "null"] {
        #expect(statuses[name] == 403, "\(name)")
      }
      #expect(statuses["post"] == 405)
      guard case .string(let policy)? = statuses["policy"] else {
        Issue.record("no policy")
        return
      }
      #expect(policy.hasPrefix("default-src 'none';") && policy.contains("connect-src 'self'"))
      // It asks again and again, and the rounds go on.
      #expect(lines[1]?["first"] != lines[1]?["second"], "\(lines)")

      let (dom, console) = try BrowserTests.open(page, program, ["--dump-dom"])
      #expect(console.isEmpty, "\(console)")
      #expect(dom.contains("r-dpcfl, seed 0, is running: round "))
      #expect(try BrowserTests.marks("line mark", in: "rounds", of: dom) == 3)

      run.interrupt()
      #expect(Program.status(of: run) == 130)
      watch.interrupt()
      #expect(Program.status(of: watch) == 0)
    }
  }
}
