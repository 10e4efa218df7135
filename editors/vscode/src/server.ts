/** What the extension starts, and for which texts. Knows nothing of VS Code, so that tests run it. */

/** The section of the settings. */
export const SECTION = "modellint";

/** Python files, and the cells of notebooks. */
export const DOCUMENTS = [
  { scheme: "file", language: "python" },
  { notebook: "jupyter-notebook", language: "python" },
];

/** A program with its arguments. */
export interface Executable {
  command: string;
  args: string[];
}

/** The server that the settings name, else the one of the PATH. */
export function serverOptions(command: string[] | undefined): Executable {
  const [program, ...args] = command?.length ? command : ["modellint-server"];
  return { command: program ?? "modellint-server", args };
}
