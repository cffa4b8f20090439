// This phone holds no card that opens: nothing of an earlier one stays in it.
import { forget } from "./kept.js";
import { unpack } from "./pack.js";

forget();
unpack();
