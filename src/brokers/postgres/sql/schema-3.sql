-- Limits are decided where they are kept: the rules of brokers/limits/decide-limits.ts.
CREATE FUNCTION lovage.limit_part(ms float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $turns$
  SELECT greatest(1, floor(ms / 60))
$turns$;

-- What still counts of [start, count] pairs.
CREATE FUNCTION lovage.limit_current(counts jsonb, ms float8, at float8) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $turns$
  SELECT coalesce(jsonb_agg(pair ORDER BY n), '[]')
  FROM jsonb_array_elements(counts) WITH ORDINALITY AS e(pair, n)
  WHERE (pair ->> 0)::float8 + lovage.limit_part(ms) + ms > at AND (pair ->> 0)::float8 <= at + ms
$turns$;

CREATE FUNCTION lovage.limit_sum(counts jsonb) RETURNS float8 LANGUAGE sql IMMUTABLE AS $turns$
  SELECT coalesce(sum((pair ->> 1)::float8), 0) FROM jsonb_array_elements(counts) AS e(pair)
$turns$;

CREATE FUNCTION lovage.limit_wait(counts jsonb, most float8, ms float8, at float8) RETURNS float8
LANGUAGE sql IMMUTABLE AS $turns$
  SELECT coalesce((
    SELECT greatest(1, ceil(start + lovage.limit_part(ms) + ms - at))
    FROM (
      SELECT n, (pair ->> 0)::float8 AS start, sum((pair ->> 1)::float8) OVER (ORDER BY n) AS gone
      FROM jsonb_array_elements(counts) WITH ORDINALITY AS e(pair, n)
    ) AS left_over
    WHERE lovage.limit_sum(counts) >= most AND lovage.limit_sum(counts) - gone < most
    ORDER BY n LIMIT 1
  ), 0)
$turns$;

-- The state that a text holds: nothing where there is something that nobody of us wrote.
CREATE FUNCTION lovage.limit_state(kept text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $turns$
DECLARE
  state jsonb;
BEGIN
  state := coalesce(nullif(kept, ''), '{}')::jsonb;
  IF jsonb_typeof(state -> 'windows') = 'object' AND jsonb_typeof(state -> 'places') = 'object' AND NOT EXISTS (
    SELECT FROM jsonb_each((state -> 'windows') || (state -> 'places')) AS e(name, list)
    WHERE jsonb_typeof(list) <> 'array'
  ) THEN
    RETURN jsonb_build_object('windows', state -> 'windows', 'places', state -> 'places');
  END IF;
  RETURN '{"windows": {}, "places": {}}';
EXCEPTION WHEN data_exception THEN
  RETURN '{"windows": {}, "places": {}}';
END
$turns$;

-- One request of one holder: {keys, done, kept, asks}, limits by their place in keys from 0 on, windows as [max, ms, name].
-- Answers [granted, wait] for each ask; wait null = nobody knows.
CREATE FUNCTION lovage.take_turns(asking text, request jsonb) RETURNS jsonb LANGUAGE plpgsql AS $turns$
DECLARE
  keys text[] := ARRAY(SELECT jsonb_array_elements_text(request -> 'keys'));
  states jsonb := '{}';
  answers jsonb := '[]';
  at float8;
  one record;
  ask record;
  rate jsonb;
  own jsonb;
  place text;
  room float8;
  turns float8;
  counts jsonb;
  part_start float8;
  last_end float8;
BEGIN
  INSERT INTO lovage.limits (key, state, ends)
  SELECT k.key, '', clock_timestamp() + interval '1 hour' FROM unnest(keys) AS k(key)
  WHERE NOT EXISTS (SELECT FROM lovage.limits l WHERE l.key = k.key)
  ORDER BY k.key COLLATE "C"
  ON CONFLICT DO NOTHING;
  PERFORM 1 FROM lovage.limits l WHERE l.key = ANY (keys) ORDER BY l.key FOR UPDATE;
  at := floor(extract(epoch FROM clock_timestamp()) * 1000);

  -- Without what has left its window, and without the dead.
  FOR one IN
    SELECT (array_position(keys, l.key) - 1)::text AS place, lovage.limit_state(l.state) AS state
    FROM lovage.limits l WHERE l.key = ANY (keys)
  LOOP
    states := jsonb_set(states, ARRAY[one.place], jsonb_build_object(
      'windows', coalesce((
        SELECT jsonb_object_agg(name, lovage.limit_current(list, name::float8, at))
        FROM jsonb_each(one.state -> 'windows') AS e(name, list)
        WHERE lovage.limit_current(list, name::float8, at) <> '[]'
      ), '{}'),
      'places', coalesce((
        SELECT jsonb_object_agg(name, list) FROM jsonb_each(one.state -> 'places') AS e(name, list)
        WHERE name = asking
        OR EXISTS (SELECT FROM lovage.holder h WHERE h.id::text = e.name AND h.lease_end > clock_timestamp())
      ), '{}')
    ));
  END LOOP;

  FOR one IN SELECT e.entry ->> 'at' AS place, e.entry -> 'names' AS names
    FROM jsonb_array_elements(request -> 'done') AS e(entry)
  LOOP
    SELECT jsonb_agg(name ORDER BY n) INTO own
    FROM jsonb_array_elements(coalesce(states #> ARRAY[one.place, 'places', asking], '[]')) WITH ORDINALITY AS o(name, n)
    WHERE NOT one.names @> name;
    IF own IS NULL THEN states := states #- ARRAY[one.place, 'places', asking];
    ELSE states := jsonb_set(states, ARRAY[one.place, 'places', asking], own);
    END IF;
  END LOOP;

  FOR one IN SELECT e.entry ->> 'at' AS place, e.entry -> 'names' AS names
    FROM jsonb_array_elements(request -> 'kept') AS e(entry)
  LOOP
    own := coalesce(states #> ARRAY[one.place, 'places', asking], '[]');
    own := own || coalesce((
      SELECT jsonb_agg(DISTINCT name) FROM jsonb_array_elements(one.names) AS e(name) WHERE NOT own @> name
    ), '[]');
    IF own <> '[]' THEN states := jsonb_set(states, ARRAY[one.place, 'places', asking], own); END IF;
  END LOOP;

  FOR ask IN SELECT e.entry -> 'names' AS names, e.entry -> 'rate' AS rate, e.entry -> 'places' AS places,
      jsonb_array_length(e.entry -> 'names') AS wanted
    FROM jsonb_array_elements(request -> 'asks') WITH ORDINALITY AS e(entry, n) ORDER BY n
  LOOP
    room := ask.wanted;
    IF ask.places IS NOT NULL THEN
      place := ask.places ->> 'at';
      own := coalesce(states #> ARRAY[place, 'places', asking], '[]');
      -- From the first on; one that has a place already keeps it.
      SELECT count(*) FILTER (WHERE fits) INTO room FROM (
        SELECT bool_and(has OR taken + news <= (ask.places ->> 'max')::float8) OVER (ORDER BY n) AS fits FROM (
          SELECT n, own @> name AS has, count(*) FILTER (WHERE NOT own @> name) OVER (ORDER BY n) AS news,
            (SELECT coalesce(sum(jsonb_array_length(list)), 0)
             FROM jsonb_each(states #> ARRAY[place, 'places']) AS p(name, list)) AS taken
          FROM jsonb_array_elements(ask.names) WITH ORDINALITY AS w(name, n)
        ) AS each
      ) AS all_of_them;
    END IF;
    turns := room;
    rate := ask.rate;
    IF rate IS NOT NULL THEN
      SELECT least(room, min(greatest(0, (w ->> 0)::float8 - lovage.limit_sum(lovage.limit_current(
        coalesce(states #> ARRAY[rate ->> 'at', 'windows', w ->> 2], '[]'), (w ->> 1)::float8, at))))) INTO turns
      FROM jsonb_array_elements(rate -> 'windows') AS e(w);
    END IF;
    IF turns > 0 AND rate IS NOT NULL THEN
      FOR one IN SELECT (w ->> 1)::float8 AS ms, w ->> 2 AS name FROM jsonb_array_elements(rate -> 'windows') AS e(w) LOOP
        counts := lovage.limit_current(coalesce(states #> ARRAY[rate ->> 'at', 'windows', one.name], '[]'), one.ms, at);
        part_start := floor(at / lovage.limit_part(one.ms)) * lovage.limit_part(one.ms);
        IF (counts #>> '{-1,0}')::float8 >= part_start THEN
          counts := jsonb_set(counts, '{-1,1}', to_jsonb((counts #>> '{-1,1}')::float8 + turns));
        ELSE
          counts := counts || jsonb_build_array(jsonb_build_array(part_start, turns));
        END IF;
        states := jsonb_set(states, ARRAY[rate ->> 'at', 'windows', one.name], counts);
      END LOOP;
    END IF;
    IF turns > 0 AND ask.places IS NOT NULL THEN
      own := own || coalesce((
        SELECT jsonb_agg(name ORDER BY n) FROM jsonb_array_elements(ask.names) WITH ORDINALITY AS w(name, n)
        WHERE n <= turns AND NOT own @> name
      ), '[]');
      states := jsonb_set(states, ARRAY[place, 'places', asking], own);
    END IF;
    answers := answers || jsonb_build_array(jsonb_build_array(turns, CASE
      WHEN turns = ask.wanted THEN 0
      WHEN turns = room OR rate IS NULL THEN NULL
      ELSE (
        SELECT max(lovage.limit_wait(lovage.limit_current(
          coalesce(states #> ARRAY[rate ->> 'at', 'windows', w ->> 2], '[]'), (w ->> 1)::float8, at),
          (w ->> 0)::float8, (w ->> 1)::float8, at))
        FROM jsonb_array_elements(rate -> 'windows') AS e(w)
      ) END));
  END LOOP;

  FOR one IN SELECT name, state FROM jsonb_each(states) AS e(name, state) LOOP
    SELECT max((list #>> '{-1,0}')::float8 + 2 * name::float8) INTO last_end
    FROM jsonb_each(one.state -> 'windows') AS e(name, list);
    IF one.state -> 'places' <> '{}' THEN last_end := greatest(last_end, at + 604800000); END IF;
    UPDATE lovage.limits l SET
      state = CASE WHEN one.state = '{"windows": {}, "places": {}}' THEN '' ELSE one.state::text END,
      ends = clock_timestamp() + greatest(1, coalesce(last_end, at) - at) * interval '1 ms'
    WHERE l.key = keys[one.name::int + 1];
  END LOOP;
  RETURN answers;
END
$turns$;
