/** The client library of the extension against the server: what it sends is what VS Code shows. */

import assert from "node:assert/strict";
import { ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  ClientCapabilities,
  CodeAction,
  CodeActionRequest,
  CodeLensRequest,
  ConfigurationRequest,
  createProtocolConnection,
  DidChangeTextDocumentNotification,
  DidOpenTextDocumentNotification,
  ExitNotification,
  HoverRequest,
  InitializedNotification,
  InitializeRequest,
  InlayHintRequest,
  MarkupContent,
  ProtocolConnection,
  PublishDiagnosticsNotification,
  PublishDiagnosticsParams,
  RegistrationRequest,
  ShutdownRequest,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-languageserver-protocol/node";

import { SECTION, serverOptions } from "../src/server";

const NET = `import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        s = "🙂"; self.conv = nn.Conv2d(3, 8, 4, padding=1)

    def forward(self, x):
        return self.conv(x)


Net()(torch.rand(1, 3, 32, 32))
`;

const CAPABILITIES: ClientCapabilities = {
  textDocument: {
    publishDiagnostics: { relatedInformation: true, versionSupport: true },
    codeAction: { resolveSupport: { properties: ["edit"] } },
    inlayHint: {},
  },
  workspace: { configuration: true, workspaceEdit: { documentChanges: true } },
};

// As a setting: a list of the program and its arguments.
const command = JSON.parse(process.env.MODELLINT_SERVER ?? "null") as string[] | null;
const folder = mkdtempSync(join(tmpdir(), "modellint-"));
const uri = pathToFileURL(join(folder, "net.py")).toString();
const published: PublishDiagnosticsParams[] = [];
let server: ChildProcess;
let connection: ProtocolConnection;

before(async () => {
  writeFileSync(join(folder, "net.py"), NET);
  const { command: program, args } = serverOptions(command ?? undefined);
  server = spawn(program, args, { cwd: folder, stdio: ["pipe", "pipe", "ignore"] });
  assert(server.stdout && server.stdin);
  connection = createProtocolConnection(
    new StreamMessageReader(server.stdout),
    new StreamMessageWriter(server.stdin),
  );
  connection.onNotification(PublishDiagnosticsNotification.type, (one) => void published.push(one));
  connection.onRequest(RegistrationRequest.type, () => undefined);
  // Settings as the extension declares them, with those that it keeps for itself.
  connection.onRequest(ConfigurationRequest.type, ({ items }) =>
    items.map(({ section }) =>
      section === SECTION ? { server: ["modellint-server"], select: null, hints: "both" } : null,
    ),
  );
  connection.listen();
  await connection.sendRequest(InitializeRequest.type, {
    processId: process.pid,
    rootUri: pathToFileURL(folder).toString(),
    capabilities: CAPABILITIES,
    workspaceFolders: [{ uri: pathToFileURL(folder).toString(), name: "nets" }],
  });
  await connection.sendNotification(InitializedNotification.type, {});
});

after(async () => {
  const ended = new Promise((resolve) => server.on("exit", resolve));
  await connection.sendRequest(ShutdownRequest.type);
  await connection.sendNotification(ExitNotification.type);
  assert.equal(await ended, 0);
  connection.dispose();
  rmSync(folder, { recursive: true });
});

async function diagnostics(version: number) {
  for (let tries = 0; tries < 1200; tries++) {
    const found = published.filter((one) => one.uri === uri && one.version === version).at(-1);
    if (found) {
      return found.diagnostics;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no diagnostics: ${JSON.stringify(published)}`);
}

test("a file that is opened has its findings at their places", async () => {
  await connection.sendNotification(DidOpenTextDocumentNotification.type, {
    textDocument: { uri, languageId: "python", version: 1, text: NET },
  });
  const found = await diagnostics(1);
  assert.deepEqual(
    found.map((one) => [one.code, one.source, one.range]),
    [
      [
        "even-kernel",
        "modellint",
        // The emoji counts twice, as in the strings of JavaScript.
        {
          start: { line: 7, character: NET.split("\n")[7]!.indexOf("nn.Conv2d") },
          end: { line: 7, character: NET.split("\n")[7]!.length },
        },
      ],
    ],
  );
});

test("shapes, costs and fixes are there", async () => {
  const textDocument = { uri };
  const whole = { start: { line: 0, character: 0 }, end: { line: 99, character: 0 } };
  const hints = await connection.sendRequest(InlayHintRequest.type, { textDocument, range: whole });
  assert.deepEqual(
    hints?.map((one) => [one.position.line, one.label]),
    [[10, "(N, 8, H - 1, W - 1) 31×31"]],
  );
  const position = { line: 7, character: 40 };
  const hover = await connection.sendRequest(HoverRequest.type, { textDocument, position });
  assert.match((hover?.contents as MarkupContent).value, /Conv2d/);
  const lenses = await connection.sendRequest(CodeLensRequest.type, { textDocument });
  assert.match(lenses?.[0]?.command?.title ?? "", /^Net: 392 parameters/);
  const range = { start: position, end: position };
  const context = { diagnostics: [] };
  let fix: CodeAction | undefined;
  for (let tries = 0; tries < 600 && !fix; tries++) {
    const actions = await connection.sendRequest(CodeActionRequest.type, {
      textDocument,
      range,
      context,
    });
    fix = actions?.find((one) => one.title.startsWith("kernel_size=5")) as CodeAction | undefined;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert(fix?.edit?.documentChanges?.length);
});

test("a change is answered", async () => {
  const text = NET.replace("8, 4,", "8, 3,");
  await connection.sendNotification(DidChangeTextDocumentNotification.type, {
    textDocument: { uri, version: 2 },
    contentChanges: [{ text }],
  });
  assert.deepEqual(await diagnostics(2), []);
});
