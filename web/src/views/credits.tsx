import { useEffect } from "react";

import { ok } from "../api/client";
import { useApp } from "../app-context";
import { ErrorNote, Money, State, When } from "../components/basics";
import { useAction, useLoad } from "../hooks";

/** Credits: what is left, packs to buy, and the way back from PayPal. */
export function Credits() {
  const { api } = useApp();
  const profile = useLoad(() => ok(api.GET("/api/auth/me")), "me");
  const packs = useLoad(() => ok(api.GET("/api/paypal/packs")), "packs");
  const payments = useLoad(() => ok(api.GET("/api/paypal/payments", { params: { query: { limit: 5 } } })), "payments");
  const { busy, error, run } = useAction();
  const approved = new URLSearchParams(window.location.search).get("token");

  useEffect(() => {
    if (!approved) return;
    // The payer comes back from PayPal with the order in the address; it is taken out, so that a reload asks no second time.
    window.history.replaceState(null, "", window.location.pathname + window.location.hash);
    run(async () => {
      await ok(api.POST("/api/paypal/orders/{id}/capture", { params: { path: { id: approved } } }));
      profile.reload();
      payments.reload();
    });
  }, []);

  const buy = (pack: string) =>
    run(async () => {
      const order = await ok(
        api.POST("/api/paypal/orders", { body: { pack }, headers: { "Idempotency-Key": crypto.randomUUID() } }),
      );
      window.location.assign(order.approvalUrl);
    });

  return (
    <section className="card" aria-labelledby="credits">
      <h2 id="credits">Credits</h2>
      {profile.data && (
        <p>
          {Math.max(0, profile.data.quota.limit - profile.data.quota.used)} of {profile.data.quota.limit} free try-ons
          are left this month, and {profile.data.credits} credits.
        </p>
      )}
      <div className="row">
        {packs.data?.items.map((pack) => (
          <button key={pack.id} type="button" disabled={busy} onClick={() => buy(pack.id)}>
            {pack.credits} credits for <Money price={{ amount: pack.price, currency: pack.currency }} />
          </button>
        ))}
      </div>
      <ErrorNote error={error ?? packs.error} />
      {payments.data && payments.data.items.length > 0 && (
        <ul className="list">
          {payments.data.items.map((payment) => (
            <li key={payment.id} className="row">
              <State status={payment.status} />
              {payment.credits} credits
              <Money price={payment} />
              <span className="small">
                <When at={payment.createdAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
