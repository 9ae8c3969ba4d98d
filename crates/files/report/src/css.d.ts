// Style sheets are imported for the bundler; they hold no value.
declare module "*.css";
