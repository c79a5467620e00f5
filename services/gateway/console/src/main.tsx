import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App.tsx";
import "./console.css";
import { Guard } from "./Guard.tsx";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no root");
createRoot(root).render(
  <StrictMode>
    <Guard>
      <App />
    </Guard>
  </StrictMode>,
);
