"use client";

import { useEffect, useRef, useState } from "react";
import { MirrorGan } from "mirrorgan";

export default function Page() {
  const canvas = useRef(null);
  const [status, setStatus] = useState("Loading…");
  useEffect(() => {
    const stop = new AbortController();
    let gan = null;
    (async () => {
      try {
        const model = new URLSearchParams(location.search).get("model") ?? "/models/flowers/";
        gan = await MirrorGan.load(model, { signal: stop.signal });
        const onStage = ({ image }) => canvas.current?.getContext("2d").putImageData(image, 0, 0);
        const { pictures } = await gan.generate("this flower has pink petals", { seed: 7, caption: true, signal: stop.signal, onStage });
        setStatus(`Done with ${gan.info.threads} threads: ${pictures[0].caption.text}`);
      } catch (error) {
        if (error.code !== "aborted") setStatus(`${error.code}: ${error.message}`);
      }
    })();
    return () => {
      stop.abort();
      gan?.dispose();
    };
  }, []);
  return (
    <>
      <canvas id="picture" width="256" height="256" ref={canvas} />
      <p id="status" role="status">
        {status}
      </p>
    </>
  );
}
