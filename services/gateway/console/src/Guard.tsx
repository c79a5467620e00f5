// What breaks in a view ends there: the rest of the console goes on.
import { Component, type ReactNode } from "react";

export class Guard extends Component<{ children: ReactNode }, { failure: Error | null }> {
  override state: { failure: Error | null } = { failure: null };

  static getDerivedStateFromError(failure: Error): { failure: Error } {
    return { failure };
  }

  override render(): ReactNode {
    const { failure } = this.state;
    if (failure === null) return this.props.children;
    return (
      <section className="problem" role="alert">
        <h2>This view broke</h2>
        <p>{failure.message}</p>
        <p>Nothing was decided by it. What you did before stands as the gateway told you.</p>
        <button type="button" onClick={() => this.setState({ failure: null })}>
          Show it again
        </button>
      </section>
    );
  }
}
