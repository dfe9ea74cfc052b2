// Not there yet.
import { Frame } from "../lazy.tsx";
export default function Page() {
  return <Frame title="x">x</Frame>;
}
