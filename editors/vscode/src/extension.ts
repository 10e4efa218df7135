/** Starts the language server of modellint, and again when another one is named. */

import { commands, ExtensionContext, window, workspace } from "vscode";
import { LanguageClient, LanguageClientOptions } from "vscode-languageclient/node";

import { DOCUMENTS, SECTION, serverOptions } from "./server";

let client: LanguageClient | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  context.subscriptions.push(
    commands.registerCommand("modellint.restart", restart),
    workspace.onDidChangeConfiguration(async (change) => {
      if (change.affectsConfiguration(`${SECTION}.server`)) {
        await restart();
      }
    }),
  );
  await start();
}

export async function deactivate(): Promise<void> {
  // One that did not start is not to be stopped.
  if (client?.needsStop()) {
    await client.stop();
  }
  client = undefined;
}

async function restart(): Promise<void> {
  await deactivate();
  await start();
}

async function start(): Promise<void> {
  const command = workspace.getConfiguration(SECTION).get<string[]>("server");
  // The server asks for its settings, those of each folder; it is told of changes of them.
  const options: LanguageClientOptions = {
    documentSelector: DOCUMENTS,
    synchronize: { configurationSection: SECTION },
  };
  client = new LanguageClient(SECTION, "modellint", serverOptions(command), options);
  try {
    await client.start();
  } catch (error) {
    const program = command?.[0] ?? "modellint-server";
    void window.showErrorMessage(
      `modellint: ${program} does not start (${String(error)}): pip install 'modellint[server]', ` +
        "or name the program in the setting modellint.server",
    );
  }
}
