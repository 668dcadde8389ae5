import { useEffect, useState } from "react";

import { ok, Problem, type Schemas } from "../api/client";
import { useApp } from "../app-context";
import { Awaited, Empty, ErrorNote, Money, Pager, State, When } from "../components/basics";
import { useAction, useEvery, useLoad, usePages, useRoute } from "../hooks";

type Payment = Schemas["Payment"];

const FOLLOW_MS = 2000;
/** Without credits, these are not the end: PayPal, or a request that carries out its event, has the last word. */
const UNSETTLED = new Set<string>(["created", "approved", "capture_pending", "captured"]);

/** Credits: what is left, packs to buy, the way back from PayPal, and the payments. */
export function Credits() {
  const { api } = useApp();
  const { params } = useRoute();
  const profile = useLoad(() => ok(api.GET("/api/auth/me")), "me");
  const packs = useLoad(() => ok(api.GET("/api/paypal/packs")), "packs");
  const pages = usePages();
  const payments = useLoad(
    () =>
      ok(
        api.GET("/api/paypal/payments", {
          params: { query: { limit: 10, ...pages.query } },
        }),
      ),
    `payments ${pages.continuation ?? ""}`,
  );
  const { busy, error, run, again } = useAction();
  const [outcome, setOutcome] = useState<string | null>(null);
  const [unsettled, setUnsettled] = useState<string | null>(null);
  const [order, answer] = [params.get("token"), params.get("paypal")];

  useEffect(() => {
    if (!order || !answer) return;
    // The way back from PayPal names the order; it is taken out of the address, so that a reload asks no second time.
    window.history.replaceState(null, "", "#/credits");
    const path = { id: order };
    run(async () => {
      if (answer === "approved") {
        setOutcome("Waiting for PayPal…");
        try {
          const payment = await ok(api.POST("/api/paypal/orders/{id}/capture", { params: { path } }));
          setOutcome(said(payment));
          setUnsettled(isSettled(payment) ? null : order);
        } catch (failure) {
          setOutcome(null);
          throw declined(failure);
        }
      } else {
        setOutcome("You left PayPal. Nothing was charged; the order waits below until you approve it.");
      }
    });
  }, [order, answer]);
  const settle = async (id: string) => {
    const path = { id };
    const payment = await ok(api.GET("/api/paypal/orders/{id}", { params: { path } }));
    if (!isSettled(payment)) return;
    setUnsettled(null);
    setOutcome(said(payment));
    profile.reload();
    payments.reload();
  };
  // What fails is asked for the next time.
  useEvery(FOLLOW_MS, () => void (unsettled && settle(unsettled).catch(() => undefined)), unsettled !== null);
  useEffect(() => {
    if (busy) return;
    profile.reload();
    payments.reload();
  }, [busy]);

  const buy = (pack: string) => {
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    run(async () => {
      const made = await ok(api.POST("/api/paypal/orders", { body: { pack }, headers }));
      window.location.assign(made.approvalUrl);
    });
  };

  return (
    <>
      <h1>Credits</h1>
      {outcome && (
        <p className="note good" role="status">
          {outcome}
        </p>
      )}
      <ErrorNote error={error} again={again} />
      <div className="columns">
        <section className="card" aria-labelledby="left">
          <h2 id="left">What is left</h2>
          <Awaited load={profile} what="your credits" />
          {profile.data && (
            <>
              <p className="figure">
                {profile.data.credits} <span className="small">credits</span>
              </p>
              <p>
                {Math.max(0, profile.data.quota.limit - profile.data.quota.used)} of {profile.data.quota.limit} free
                try-ons are left this month; a credit pays for one more.
              </p>
            </>
          )}
        </section>
        <section className="card" aria-labelledby="buy">
          <h2 id="buy">Buy credits</h2>
          <Awaited load={packs} what="the packs" />
          <div className="row">
            {packs.data?.items.map((pack) => (
              <button key={pack.id} type="button" disabled={busy} onClick={() => buy(pack.id)}>
                {pack.credits} credits for <Money price={{ amount: pack.price, currency: pack.currency }} />
              </button>
            ))}
          </div>
          <p className="small after">You pay at PayPal and come back here.</p>
        </section>
      </div>
      <section className="card" aria-labelledby="payments">
        <h2 id="payments">Payments</h2>
        <Awaited load={payments} what="payments" />
        {payments.data?.items.length === 0 && <Empty>No payments yet.</Empty>}
        <ul className="list lines">
          {payments.data?.items.map((payment) => (
            <li key={payment.id} className="row">
              <State status={payment.status} />
              {payment.credits} credits
              <Money price={payment} />
              <span className="small">
                <When at={payment.createdAt} />
              </span>
              {payment.approvalUrl && (
                <a className="right" href={payment.approvalUrl}>
                  Pay at PayPal<span className="sr">: {payment.credits} credits</span>
                </a>
              )}
            </li>
          ))}
        </ul>
        <Pager pages={pages} next={payments.data?.continuation} />
      </section>
    </>
  );
}

/** A refusal right after the payer's approval: PayPal's event may have met the bank's refusal before this page did. */
function declined(failure: unknown): unknown {
  if (!(failure instanceof Problem) || !["instrument_declined", "order_not_approved"].includes(failure.code)) return failure;
  return failure.saying(
    "PayPal did not take the payment: the bank declined, or the approval was withdrawn. Nothing was charged.",
  );
}

function isSettled(payment: Payment): boolean {
  return payment.creditsGranted > 0 || !UNSETTLED.has(payment.status);
}

function said(payment: Payment): string {
  if (payment.status === "denied" || payment.status === "voided") return "PayPal did not take the payment. Nothing was charged.";
  if (payment.creditsGranted > 0) return `Paid: ${payment.creditsGranted} credits were added to your account.`;
  return "PayPal is still checking the payment. Your credits are added once it says yes; nothing is left to do.";
}
