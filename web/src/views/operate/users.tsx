import { useState, type FormEvent } from "react";

import { ok, type Schemas } from "../../api/client";
import { useApp } from "../../app-context";
import { Awaited, Badge, Empty, ErrorNote, Pager, Table, When } from "../../components/basics";
import { useAction, useLoad, usePages, useRoute } from "../../hooks";

const ROLES: Schemas["Role"][] = ["shopper", "vendor", "merchant", "admin"];

export function Users() {
  const { api } = useApp();
  const { params } = useRoute();
  const id = params.get("id");
  const [email, setEmail] = useState("");
  const [sought, setSought] = useState("");
  const [role, setRole] = useState<Schemas["Role"] | "">("");
  const pages = usePages();
  const load = useLoad(
    () =>
      ok(
        api.GET("/api/admin/users", {
          params: {
            query: {
              limit: 20,
              ...(sought ? { email: sought } : {}),
              ...(role ? { role } : {}),
              ...pages.query,
            },
          },
        }),
      ),
    `${sought} ${role} ${pages.continuation ?? ""}`,
  );
  const { data, reload } = load;
  const find = (event: FormEvent) => {
    event.preventDefault();
    setSought(email.trim());
    pages.restart();
  };
  return (
    <>
      {id && <UserDetails key={id} id={id} onChanged={reload} />}
      <section className="card" aria-labelledby="users">
        <h2 id="users">Users</h2>
        <form className="row filters" onSubmit={find}>
          <label className="grow">
            E-mail address
            <input type="email" value={email} placeholder="all" onChange={(event) => setEmail(event.target.value)} />
          </label>
          <label>
            Role
            <select
              value={role}
              onChange={(event) => {
                setRole(event.target.value as Schemas["Role"] | "");
                pages.restart();
              }}
            >
              <option value="">all</option>
              {ROLES.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
          <button type="submit">Find</button>
        </form>
        <Awaited load={load} what="users" />
        {data?.items.length === 0 && <Empty>No user has this address and role.</Empty>}
        {data && data.items.length > 0 && (
          <Table label="Users" columns={["E-mail", "Role", "Shop", "State"]}>
            {data.items.map((user) => (
              <tr key={user.id} aria-current={user.id === id ? "true" : undefined}>
                <td>
                  <a href={`#/operate/users?id=${user.id}`}>{user.email}</a>
                </td>
                <td>
                  {user.role}
                  {user.requestedRole && <Badge tone="warn">asks to be {user.requestedRole}</Badge>}
                </td>
                <td>{user.shop}</td>
                <td>{user.disabled ? <Badge tone="bad">disabled</Badge> : <Badge tone="good">active</Badge>}</td>
              </tr>
            ))}
          </Table>
        )}
        <Pager pages={pages} next={data?.continuation} labels={["Previous page", "Next page"]} />
      </section>
    </>
  );
}

function UserDetails({ id, onChanged }: { id: string; onChanged: () => void }) {
  const { api } = useApp();
  const path = { id };
  const load = useLoad(() => ok(api.GET("/api/admin/users/{id}", { params: { path } })), id);
  const { data, reload } = load;
  const action = useAction();
  const change = (body: Schemas["UserChange"]) =>
    action.run(async () => {
      await ok(api.PATCH("/api/admin/users/{id}", { params: { path }, body }));
      reload();
      onChanged();
    });
  if (!data) return <Awaited load={load} what="the user" />;
  return (
    <section className="card details" aria-labelledby="user">
      <div className="row">
        <h2 id="user">{data.email}</h2>
        {data.disabled ? <Badge tone="bad">disabled</Badge> : <Badge tone="good">active</Badge>}
        {!data.emailConfirmed && <Badge tone="warn">address not confirmed</Badge>}
        {data.closing && <Badge tone="warn">is being deleted</Badge>}
        <a className="right" href="#/operate/users">
          Close<span className="sr"> {data.email}</span>
        </a>
      </div>
      <p>
        {data.displayName ?? "No name"}, since <When at={data.createdAt} />: {data.images} pictures,{" "}
        {(data.imageBytes / 1e6).toFixed(1)} MB, {data.conversionsThisMonth} try-ons this month.
      </p>
      <ChangeUser key={data.updatedAt} user={data} busy={action.busy} onChange={change} />
      <ErrorNote error={load.error} again={reload} />
      <ErrorNote error={action.error} />
    </section>
  );
}

function ChangeUser({
  user,
  busy,
  onChange,
}: {
  user: Schemas["UserDetail"];
  busy: boolean;
  onChange: (change: Schemas["UserChange"]) => void;
}) {
  const [role, setRole] = useState(user.requestedRole ?? user.role);
  const [shop, setShop] = useState(user.shop);
  const [reason, setReason] = useState("");
  const why = reason.trim();
  const save = (event: FormEvent) => {
    event.preventDefault();
    onChange({ reason: why, ...(role === user.role ? {} : { role }), ...(shop === user.shop ? {} : { shop }) });
  };
  return (
    <form className="row filters" onSubmit={save}>
      <label>
        Role
        <select value={role} onChange={(event) => setRole(event.target.value as Schemas["Role"])}>
          {ROLES.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <label>
        Shop
        <input value={shop} onChange={(event) => setShop(event.target.value)} />
      </label>
      <label className="grow">
        Reason, for the audit log
        <input
          required
          minLength={3}
          value={reason}
          placeholder="asked by phone"
          onChange={(event) => setReason(event.target.value)}
        />
      </label>
      <button type="submit" disabled={busy || (role === user.role && shop === user.shop)}>
        Change role or shop
      </button>
      <button
        type="button"
        className="quiet"
        disabled={busy || why.length < 3}
        onClick={() => onChange({ reason: why, disabled: !user.disabled })}
      >
        {user.disabled ? "Enable the account" : "Disable the account"}
      </button>
      {user.secondFactor && (
        <button
          type="button"
          className="quiet"
          disabled={busy || why.length < 3}
          onClick={() => onChange({ reason: why, removeSecondFactor: true })}
        >
          Remove the second factor
        </button>
      )}
    </form>
  );
}
